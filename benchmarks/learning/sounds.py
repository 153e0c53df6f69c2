"""How well and how fast sound classification is learnt from a folder: `python -m benchmarks.learning.sounds --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold and seed, and prints a table: ours beside a plain baseline on
the same folds (scikit-learn's logistic regression with its defaults on the frozen picture network's last layer, mean and maximum over
windows).
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
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.sound_classification.feature_graph import PARTS, part_widths
from droplearn.scenarios.sound_classification.spec import SPEC

Files = Sequence[tuple[str, str]]


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
    for seed in range(options.seed, options.seed + options.seeds):
        assigned = _folds(files, options.folds, seed)
        for fold in range(options.first_folds or options.folds):
            results.append(measure(options, files, np.flatnonzero(assigned == fold).tolist(), seed, fold))
            _print_row(results[-1], is_first=len(results) == 1)
    _print_means(results)
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))


def measure(options: argparse.Namespace, files: Files, test: Sequence[int], seed: int, fold: int) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        job = LocalJob(Path(scratch), SPEC.name)
        splits = splits_of(files, options.validation_fraction, seed, test)
        version, examples = make_version(options.data, files, splits, f"v-{seed}-{fold}", SPEC.name)
        job.write_channel(version, examples, options.data)
        settings = TaskSettings(preset=options.preset, max_runtime_s=options.budget, seed=seed, **json.loads(options.settings))
        job.write_request(settings, version.version_id)
        first_s, total_s = _train(job)
        job.write_evaluation(job.model, version, examples, options.data, "test_split")
        if job.run("evaluate"):
            sys.exit(job.log.read_text())
        ours = job.report.metrics
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
            chosen=_chosen(job.manifest),
            stop_reason=job.manifest.stop_reason,
            load=os.getloadavg()[0],
        )


def _train(job: LocalJob) -> tuple[float, float]:
    """Seconds to the first model and to the end."""
    started = time.monotonic()
    process = job.start("train", job.log.with_name("train.jsonl"))
    best = job.base / "checkpoints" / "best" / "model.json"
    while not best.exists() and process.poll() is None:
        time.sleep(0.02)
    first_s = time.monotonic() - started
    if process.wait():
        sys.exit(job.log.with_name("train.jsonl").read_text())
    return first_s, time.monotonic() - started


def _chosen(manifest: ModelManifest) -> str:
    return next((c.name for c in manifest.candidates if c.is_chosen), "?")


def _baseline(job: LocalJob, preset: str, etags: Sequence[str], labels: Sequence[str], splits: Sequence[str]) -> float:
    from sklearn.linear_model import LogisticRegression

    widths = part_widths(SPEC.presets[preset].network, SPEC.presets[preset].input_size)
    before = sum(widths[part] for part in PARTS[: PARTS.index("object")])
    with np.load(job.base / "checkpoints" / "features-0.npz", allow_pickle=False) as saved:
        row = dict(zip(saved["etags"].tolist(), saved["vectors"][:, before : before + widths["object"]], strict=True))
    kept = [i for i, etag in enumerate(etags) if etag in row]
    features = np.stack([row[etags[i]] for i in kept])
    y, is_test = np.array([labels[i] for i in kept]), np.array([splits[i] == "test" for i in kept])
    model = LogisticRegression(max_iter=2000).fit(features[~is_test], y[~is_test])
    return float(model.score(features[is_test], y[is_test]))


def _folds(files: Files, count: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    labels = sorted({label for _, label in files})
    return make_folds(np.array([labels.index(label) for _, label in files]), [path for path, _ in files], seed, count).assigned


def _print_row(result: Measured, *, is_first: bool) -> None:
    told = asdict(result)
    if is_first:
        print("  ".join(f"{name:>{max(len(name), 8)}}" for name in told), flush=True)
    shown = [f"{v:.3f}" if isinstance(v, float) else str(v) for v in told.values()]
    print("  ".join(f"{text:>{max(len(name), 8)}}" for name, text in zip(told, shown, strict=True)), flush=True)


def _print_means(results: Sequence[Measured]) -> None:
    """A seed's figure is the mean over its folds, by the number of sounds; the spread is over seeds."""
    for name in ("baseline", "top1_accuracy", "macro_f1", "log_loss", "calibration_error", "first_model_s", "total_s"):
        seeds = sorted({r.seed for r in results})
        means = np.array([_mean([r for r in results if r.seed == seed], name) for seed in seeds])
        print(f"{name:>20} mean {means.mean():.4f}  seeds {means.min():.4f} to {means.max():.4f}  over {len(seeds)} seeds")


def _mean(results: Sequence[Measured], name: str) -> float:
    return float(np.average([getattr(r, name) for r in results], weights=[r.test_count for r in results]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with one folder per label")
    parser.add_argument("--budget", type=int, default=180, help="max runtime of one training, seconds")
    parser.add_argument("--folds", type=int, default=5, help="parts, each held out in turn")
    parser.add_argument("--first-folds", type=int, default=0, help="hold out only so many of them")
    parser.add_argument("--seeds", type=int, default=3, help="repeat with other folds and seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--preset", default="high_performance", choices=list(SPEC.presets))
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    parser.add_argument("--settings", default="{}", help="further task settings, JSON")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    return parser.parse_args()


if __name__ == "__main__":
    main()
