"""What images.py, sounds.py, detection.py and ocr.py share: a training with a watch beside it, its evaluation, rows of a table, options."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learning.local_job import LocalJob
from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.contracts.training import TaskSettings


# ---- options
def common_options(description: str | None, data: str, *, budget_s: int, seeds: int = 1) -> argparse.ArgumentParser:
    """`data`: what the folder must hold."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help=data)
    parser.add_argument("--budget", type=int, default=budget_s, help="max runtime of one training, seconds")
    parser.add_argument("--seeds", type=int, default=seeds, help="repeat with other splits and seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--preset", default="high_performance")
    parser.add_argument("--settings", default="{}", help="further task settings, JSON")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    parser.add_argument("--log", action="store_true", help="print what the trainer printed")
    return parser


def settings_of(options: argparse.Namespace, seed: int) -> TaskSettings:
    """Of one training."""
    return TaskSettings(preset=options.preset, max_runtime_s=options.budget, seed=seed, **json.loads(options.settings))


def seeds_of(options: argparse.Namespace) -> range:
    """One after the other."""
    return range(options.seed, options.seed + options.seeds)


# ---- a job
def train_timed(job: LocalJob, first: Path | None = None) -> tuple[float, float]:
    """Seconds to the first model and to the end. `first`: a new folder for a copy of the first model. Ends the program when it fails."""
    started, log = time.monotonic(), job.log.with_name("train.jsonl")
    process = job.start("train", log)
    best = job.base / "checkpoints" / "best" / "model.json"
    while not best.exists() and process.poll() is None:
        time.sleep(0.02)
    first_s = time.monotonic() - started
    if first is not None:
        first.mkdir()
        for file in best.parent.iterdir():
            (first / file.name).write_bytes(file.read_bytes())
    if process.wait():
        sys.exit(log.read_text())
    return first_s, time.monotonic() - started


def told_of(job: LocalJob, first_s: float, total_s: float) -> dict[str, Any]:
    """What every row ends with."""
    return {
        "first_model_s": first_s,
        "total_s": total_s,
        "chosen": ", ".join(c.name for c in job.manifest.candidates if c.is_chosen) or "?",
        "stop_reason": job.manifest.stop_reason,
        "load": os.getloadavg()[0],
    }


def show_log(job: LocalJob) -> None:
    """What the trainer printed."""
    print(job.log.with_name("train.jsonl").read_text(), flush=True)


def evaluated(job: LocalJob, model: Path, version: DatasetVersion, examples: Sequence[VersionExample], data: Path) -> dict[str, float]:
    """Metrics on the test split. Ends the program when it fails."""
    job.write_evaluation(model, version, examples, data, "test_split")
    if job.run("evaluate"):
        sys.exit(job.log.read_text())
    return job.report.metrics


# ---- the table
def print_row(results: Sequence[Any]) -> None:
    """The last of these dataclasses; above the first one their fields' names."""
    told = asdict(results[-1])
    shown = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in told.values()]
    widths = [max(len(name), len(text), 7) for name, text in zip(told, shown, strict=True)]
    if len(results) == 1:
        print("  ".join(f"{name:>{width}}" for name, width in zip(told, widths, strict=True)))
    print("  ".join(f"{text:>{width}}" for text, width in zip(shown, widths, strict=True)), flush=True)


def print_means(results: Sequence[Any], names: Sequence[str]) -> None:
    """Mean and range over all rows."""
    for name in names:
        values = np.array([getattr(result, name) for result in results])
        print(f"{name:>28} mean {values.mean():.4f}  from {values.min():.4f} to {values.max():.4f}  over {len(values)}")


def write_rows(file: Path | None, results: Sequence[Any]) -> None:
    """As JSON, where somebody wants it."""
    if file:
        file.write_text(json.dumps([asdict(result) for result in results], indent=1))
