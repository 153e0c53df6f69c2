"""How well and how fast image classification is learnt from a folder: `python -m benchmarks.learning.images --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold (or once a seed for one held-out part), and prints a table:
ours beside a plain baseline on the same folds (scikit-learn's logistic regression with its defaults on the frozen backbone's features).
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.learning import runs
from benchmarks.learning.local_job import LocalJob, labelled_files, make_version, splits_of


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
    for seed in runs.seeds_of(options):
        assigned = runs.label_folds(files, options.folds, seed)
        for fold in range(options.folds if options.all_folds else 1):
            results.append(measure(options, files, np.flatnonzero(assigned == fold).tolist(), seed, fold))
            runs.print_row(results)
    print_mean(results)
    runs.write_rows(options.json, results)


def measure(options: argparse.Namespace, files: runs.Files, test: Sequence[int], seed: int, fold: int) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        job = LocalJob(Path(scratch))
        splits = splits_of(files, options.validation_fraction, seed, test)
        version, examples = make_version(options.data, files, splits, f"v-{seed}-{fold}")
        job.write_channel(version, examples, options.data)
        job.write_request(runs.settings_of(options, seed), version.version_id)
        frozen = Path(scratch) / "frozen"
        first_s, total_s = runs.train_timed(job, frozen)
        ours = runs.evaluated(job, job.model, version, examples, options.data)
        frozen_only = runs.evaluated(job, frozen, version, examples, options.data)
        if options.log:
            runs.show_log(job)
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
            chosen=runs.chosen_of(job.manifest),
            stop_reason=job.manifest.stop_reason,
            load=os.getloadavg()[0],
        )


def _baseline(job: LocalJob, etags: Sequence[str], labels: Sequence[str], splits: Sequence[str]) -> float:
    with np.load(job.base / "checkpoints" / "features.npz", allow_pickle=False) as saved:
        row = dict(zip(saved["etags"].tolist(), saved["vectors"], strict=True))
    return runs.logistic_accuracy(row, etags, labels, splits)


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
    parser = runs.common_options(__doc__, "a folder with one folder per label", budget_s=600)
    parser.add_argument("--folds", type=int, default=5, help="one of these parts is held out")
    parser.add_argument("--all-folds", action="store_true", help="hold out each part in turn, not the first only")
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    return parser.parse_args()


if __name__ == "__main__":
    main()
