"""How well and how fast image classification is learnt from a folder: `python -m benchmarks.learning.images --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold (or once a seed for one held-out part), and prints a table:
ours beside a plain baseline on the same folds (scikit-learn's logistic regression with its defaults on the frozen backbone's features).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.learning import labelled, runs
from droplearn.scenarios.image_classification.spec import SPEC


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
    results = labelled.each_fold(options, options.folds if options.all_folds else 1, partial(measure, options), SPEC.name)
    print_mean(results)
    runs.write_rows(options.json, results)


def measure(options: argparse.Namespace, held: labelled.Held, seed: int, fold: int) -> Measured:
    frozen = held.job.base / "frozen"
    first_s, total_s = runs.train_timed(held.job, frozen)
    ours, frozen_only = (runs.evaluated(held.job, m, held.version, held.examples, options.data) for m in (held.job.model, frozen))
    if options.log:
        runs.show_log(held.job)
    return Measured(
        seed=seed,
        fold=fold,
        test_count=held.splits.count("test"),
        baseline_accuracy=_baseline(held),
        frozen_accuracy=frozen_only["top1_accuracy"],
        **labelled.label_figures(ours),
        **runs.told_of(held.job, first_s, total_s),
    )


def _baseline(held: labelled.Held) -> float:
    with np.load(held.job.base / "checkpoints" / "features.npz", allow_pickle=False) as saved:
        row = dict(zip(saved["etags"].tolist(), saved["vectors"], strict=True))
    return labelled.logistic_accuracy(row, held.examples)


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
