"""How well and how fast sound classification is learnt from a folder: `python -m benchmarks.learning.sounds --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold and seed, and prints a table: ours beside a plain baseline on
the same folds (scikit-learn's logistic regression with its defaults on the frozen picture network's last layer, mean and maximum over
windows).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.learning import labelled, runs
from droplearn.scenarios.sound_classification.feature_graph import PARTS, part_widths
from droplearn.scenarios.sound_classification.spec import SPEC


@dataclass(frozen=True)
class Measured:
    """One training with one fold held out."""

    seed: int
    fold: int
    test_count: int
    baseline: float
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
    results = labelled.each_fold(options, options.first_folds or options.folds, partial(measure, options), SPEC.name)
    _print_means(results)
    runs.write_rows(options.json, results)


def measure(options: argparse.Namespace, held: labelled.Held, seed: int, fold: int) -> Measured:
    first_s, total_s = runs.train_timed(held.job)
    if options.log:
        runs.show_log(held.job)
    ours = runs.evaluated(held.job, held.job.model, held.version, held.examples, options.data)
    return Measured(
        seed=seed,
        fold=fold,
        test_count=held.splits.count("test"),
        baseline=_baseline(held, options.preset),
        **labelled.label_figures(ours),
        **runs.told_of(held.job, first_s, total_s),
    )


def _baseline(held: labelled.Held, preset: str) -> float:
    widths = part_widths(SPEC.presets[preset].network, SPEC.presets[preset].input_size)
    before = sum(widths[part] for part in PARTS[: PARTS.index("object")])
    with np.load(held.job.base / "checkpoints" / "features-0.npz", allow_pickle=False) as saved:
        row = dict(zip(saved["etags"].tolist(), saved["vectors"][:, before : before + widths["object"]], strict=True))
    return labelled.logistic_accuracy(row, held.examples)


def _print_means(results: Sequence[Measured]) -> None:
    """A seed's figure is the mean over its folds, by the number of sounds; the spread is over seeds."""
    for name in ("baseline", "top1_accuracy", "macro_f1", "log_loss", "calibration_error", "first_model_s", "total_s"):
        seeds = sorted({r.seed for r in results})
        means = np.array([_mean([r for r in results if r.seed == seed], name) for seed in seeds])
        print(f"{name:>20} mean {means.mean():.4f}  seeds {means.min():.4f} to {means.max():.4f}  over {len(seeds)} seeds")


def _mean(results: Sequence[Measured], name: str) -> float:
    return float(np.average([getattr(r, name) for r in results], weights=[r.test_count for r in results]))


def _options() -> argparse.Namespace:
    parser = runs.common_options(__doc__, "a folder with one folder per label", budget_s=180, seeds=3)
    parser.add_argument("--folds", type=int, default=5, help="parts, each held out in turn")
    parser.add_argument("--first-folds", type=int, default=0, help="hold out only so many of them")
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    return parser.parse_args()


if __name__ == "__main__":
    main()
