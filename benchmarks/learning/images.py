"""How well and how fast image classification is learnt from a folder: `python -m benchmarks.learning.images --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold (or once a seed for one held-out part), and prints a table:
ours beside a
plain baseline on the same folds (scikit-learn's logistic regression with its defaults on the frozen backbone's features).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.learning.local_job import LocalJob, labelled_files, make_version, splits_of
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.learning.folds import make_folds


@dataclass(frozen=True)
class Measured:
    """One training on one part held out."""

    seed: int
    fold: int
    test_count: int
    baseline_accuracy: float
    frozen_accuracy: float
    top1_accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    first_model_s: float
    total_s: float
    chosen: str
    stop_reason: str
    load: float


def main() -> None:
    options = _options()
    files = labelled_files(options.data)
    results = []
    for seed in range(options.seed, options.seed + options.seeds):
        assigned = _folds(files, options.folds, seed)
        for fold in range(options.folds if options.all_folds else 1):
            results.append(measure(options, files, np.flatnonzero(assigned == fold).tolist(), seed, fold))
            print_row(results[-1], is_first=len(results) == 1)
    print_mean(results)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


def measure(options: argparse.Namespace, files: Sequence[tuple[str, str]], test: Sequence[int], seed: int, fold: int) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        job = LocalJob(Path(scratch))
        splits = splits_of(files, options.validation_fraction, seed, test)
        version, examples = make_version(options.data, files, splits, f"v-{seed}-{fold}")
        job.write_channel(version, examples, options.data)
        job.write_request(
            TaskSettings(preset=options.preset, max_runtime_s=options.budget, seed=seed, **json.loads(options.settings)), version.version_id
        )
        first_s, total_s, frozen = _train(job, Path(scratch) / "frozen")
        ours = _evaluate(job, job.model, version, examples, options.data)
        frozen_only = _evaluate(job, frozen, version, examples, options.data)
        manifest = job.manifest
        chosen = next((c.name for c in manifest.candidates if c.is_chosen), "?")
        if options.log:
            print(job.log.with_name("train.jsonl").read_text())
        return Measured(
            seed=seed,
            fold=fold,
            test_count=len(test),
            baseline_accuracy=_baseline(job, [e.etag for e in examples], [e.label or "" for e in examples], splits),
            frozen_accuracy=frozen_only["top1_accuracy"],
            top1_accuracy=ours["top1_accuracy"],
            macro_f1=ours["macro_f1"],
            log_loss=ours["log_loss"],
            calibration_error=ours["expected_calibration_error"],
            first_model_s=first_s,
            total_s=total_s,
            chosen=chosen,
            stop_reason=manifest.stop_reason,
            load=os.getloadavg()[0],
        )


def _train(job: LocalJob, frozen: Path) -> tuple[float, float, Path]:
    """Seconds to the first model and to the end; a copy of the first model."""
    started = time.monotonic()
    process = job.start("train", job.log.with_name("train.jsonl"))
    best = job.base / "checkpoints" / "best" / "model.json"
    while not best.exists() and process.poll() is None:
        time.sleep(0.02)
    first_s = time.monotonic() - started
    frozen.mkdir()
    for file in best.parent.iterdir():
        (frozen / file.name).write_bytes(file.read_bytes())
    if process.wait():
        sys.exit(job.log.with_name("train.jsonl").read_text())
    return first_s, time.monotonic() - started, frozen


def _evaluate(job: LocalJob, model: Path, version, examples, images: Path) -> dict[str, float]:  # type: ignore[no-untyped-def]
    job.write_evaluation(model, version, examples, images, "test_split")
    if job.run("evaluate"):
        sys.exit(job.log.read_text())
    return job.report.metrics


def _baseline(job: LocalJob, etags: Sequence[str], labels: Sequence[str], splits: Sequence[str]) -> float:
    from sklearn.linear_model import LogisticRegression

    with np.load(job.base / "checkpoints" / "features.npz", allow_pickle=False) as saved:
        row = dict(zip(saved["etags"].tolist(), saved["vectors"], strict=True))
    kept = [i for i, etag in enumerate(etags) if etag in row]
    features = np.stack([row[etags[i]] for i in kept])
    y, is_test = np.array([labels[i] for i in kept]), np.array([splits[i] == "test" for i in kept])
    model = LogisticRegression(max_iter=2000).fit(features[~is_test], y[~is_test])
    return float(model.score(features[is_test], y[is_test]))


def _folds(files: Sequence[tuple[str, str]], count: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    labels = sorted({label for _, label in files})
    return make_folds(np.array([labels.index(label) for _, label in files]), [path for path, _ in files], seed, count).assigned


def print_row(result: Measured, *, is_first: bool) -> None:
    told = asdict(result)
    if is_first:
        print("  ".join(f"{name:>{max(len(name), 8)}}" for name in told), flush=True)
    shown = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in told.values()]
    print("  ".join(f"{text:>{max(len(name), 8)}}" for name, text in zip(told, shown, strict=True)), flush=True)


def print_mean(results: Sequence[Measured]) -> None:
    """Mean and spread over the runs; accuracies weighted by the pictures held out."""
    names = (
        "baseline_accuracy",
        "frozen_accuracy",
        "top1_accuracy",
        "macro_f1",
        "log_loss",
        "calibration_error",
        "first_model_s",
        "total_s",
    )
    print(f"{'over ' + str(len(results)) + ' runs':>20}  {'mean':>8}  {'deviation':>9}  {'lowest':>8}  {'highest':>8}")
    for name in names:
        values = np.array([getattr(result, name) for result in results])
        weights = np.array([result.test_count for result in results]) if name.endswith("accuracy") else None
        spread = f"{values.std(ddof=1):9.4f}" if len(values) > 1 else f"{'-':>9}"
        print(f"{name:>20}  {np.average(values, weights=weights):8.4f}  {spread}  {values.min():8.4f}  {values.max():8.4f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with one folder per label")
    parser.add_argument("--budget", type=int, default=600, help="max runtime of one training, seconds")
    parser.add_argument("--folds", type=int, default=5, help="one of these parts is held out")
    parser.add_argument("--all-folds", action="store_true", help="hold out each part in turn, not the first only")
    parser.add_argument("--seeds", type=int, default=1, help="repeat with other splits and seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--preset", default="high_performance")
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    parser.add_argument("--settings", default="{}", help="further task settings, JSON")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--log", action="store_true", help="print what the trainer printed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
