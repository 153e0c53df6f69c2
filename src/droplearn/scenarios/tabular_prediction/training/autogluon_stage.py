"""AutoGluon as one more member: a child process on our features and our folds, ended when its time is over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from droplearn.scenarios.learning.threads import core_count
from droplearn.scenarios.tabular_prediction.members.autogluon_model import TARGET, AutoGluonModel, frame_of
from droplearn.scenarios.tabular_prediction.members.model import arrays_of
from droplearn.scenarios.tabular_prediction.training.bagging import Fold
from droplearn.scenarios.tabular_prediction.training.library import Member
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows

MIN_S, PACKING_SHARE, PACKING_S = 35.0, 0.2, 15.0
"""Less time than MIN_S is not worth its start. Out-of-fold predictions, the clone and its packing need the share, at least so long."""
LEFT_OUT = ("NN_TORCH", "FASTAI", "KNN", "TABM", "TABPFNV2", "TABICL", "MITRA")
"""Slow on CPUs (our own network is in the mixture already), or with weights from elsewhere."""
_LOOK_EVERY_S = 0.2
_METRICS = {"rmse": "root_mean_squared_error", "mae": "mean_absolute_error", "r2": "r2", "macro_f1": "f1_macro"}


@dataclass(frozen=True)
class Outcome:
    """A member, or why there is none."""

    member: Member | None
    reason: str


def train_autogluon(rows: LearningRows, folds: Sequence[Fold], time_s: float, must_end: Callable[[], bool]) -> Outcome:
    """Takes `time_s` at most."""
    if find_spec("autogluon") is None or find_spec("autogluon.tabular") is None:
        return Outcome(None, "not tried: AutoGluon is not installed")
    if len(folds) < 2:
        return Outcome(None, "not tried: the table is too long for its folds")
    if time_s < MIN_S:
        return Outcome(None, f"not tried: {time_s:.0f} s are left, it needs {MIN_S:.0f}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, rows, folds, time_s)
        status = _run(folder, started + time_s, must_end)
        if status is None:
            return Outcome(None, "did not end in its time")
        if status or not (folder / "done.json").exists():
            return Outcome(None, f"failed: {_last_line(folder / 'log.txt')}"[:300])
        told = json.loads((folder / "done.json").read_text("utf-8"))
        predictions = arrays_of((folder / "held_out.npz").read_bytes())["predictions"]
        model = AutoGluonModel((folder / "clone.zip").read_bytes(), rows.problem.label_count)
    seconds = time.monotonic() - started
    return Outcome(Member("autogluon", "autogluon", [model], [], predictions, seconds), f"{told['model']} in {seconds:.0f} s")


def _write(folder: Path, rows: LearningRows, folds: Sequence[Fold], time_s: float) -> None:
    frame = frame_of(rows.features)
    assigned = np.zeros(len(rows), dtype=np.int64)
    for fold, (_, held_out) in enumerate(folds):
        assigned[held_out] = fold
    frame[TARGET], frame["fold"] = rows.problem.y, assigned
    frame.to_parquet(folder / "rows.parquet")
    count = rows.problem.label_count
    request = {
        "problem_type": "regression" if not count else "binary" if count == 2 else "multiclass",
        "eval_metric": "roc_auc_ovr_macro" if rows.problem.metric == "roc_auc" and count > 2 else _metric(rows.problem.metric),
        "label_count": count,
        "time_limit_s": time_s - max(PACKING_S, PACKING_SHARE * time_s),
        "cores": core_count(),
        "left_out": list(LEFT_OUT),
    }
    (folder / "request.json").write_text(json.dumps(request), "utf-8")


def _metric(name: str) -> str:
    return _METRICS.get(name, name)


def _run(folder: Path, end: float, must_end: Callable[[], bool]) -> int | None:
    """The exit status; None when it was ended."""
    with (folder / "log.txt").open("wb") as log:
        command = [sys.executable, "-m", "droplearn.scenarios.tabular_prediction.training.autogluon_child", str(folder)]
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while child.poll() is None and time.monotonic() < end and not must_end():
                time.sleep(_LOOK_EVERY_S)
        finally:
            status = child.poll()
            if status is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    return status


def _last_line(file: Path) -> str:
    lines = [line for line in file.read_text("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else "without a word"
