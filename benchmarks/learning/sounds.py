"""How well and how fast sound classification is learnt from a folder: `python -m benchmarks.learning.sounds --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold and seed, and prints a table: ours beside a plain baseline on
the same folds (scikit-learn's logistic regression with its defaults on the frozen picture network's last layer, mean and maximum over
windows).
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
    files = labelled_files(options.data)
    results = []
    for seed in runs.seeds_of(options):
        assigned = runs.label_folds(files, options.folds, seed)
        for fold in range(options.first_folds or options.folds):
            results.append(measure(options, files, np.flatnonzero(assigned == fold).tolist(), seed, fold))
            runs.print_row(results)
    _print_means(results)
    runs.write_rows(options.json, results)


def measure(options: argparse.Namespace, files: runs.Files, test: Sequence[int], seed: int, fold: int) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        job = LocalJob(Path(scratch), SPEC.name)
        splits = splits_of(files, options.validation_fraction, seed, test)
        version, examples = make_version(options.data, files, splits, f"v-{seed}-{fold}", SPEC.name)
        job.write_channel(version, examples, options.data)
        job.write_request(runs.settings_of(options, seed), version.version_id)
        first_s, total_s = runs.train_timed(job)
        if options.log:
            runs.show_log(job)
        ours = runs.evaluated(job, job.model, version, examples, options.data)
        return Measured(
            seed=seed,
            fold=fold,
            test_count=len(test),
            baseline=_baseline(job, options.preset, [e.etag for e in examples], [label for _, label in files], splits),
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


def _baseline(job: LocalJob, preset: str, etags: Sequence[str], labels: Sequence[str], splits: Sequence[str]) -> float:
    widths = part_widths(SPEC.presets[preset].network, SPEC.presets[preset].input_size)
    before = sum(widths[part] for part in PARTS[: PARTS.index("object")])
    with np.load(job.base / "checkpoints" / "features-0.npz", allow_pickle=False) as saved:
        row = dict(zip(saved["etags"].tolist(), saved["vectors"][:, before : before + widths["object"]], strict=True))
    return runs.logistic_accuracy(row, etags, labels, splits)


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
