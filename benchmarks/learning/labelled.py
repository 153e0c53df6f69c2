"""What images.py and sounds.py share: a folder with one folder per label, parts of it held out in turn, and a plain baseline."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from benchmarks.learning import runs
from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import labelled_files, make_version, splits_of
from droplearn.contracts.dataset import DatasetVersion, Split, VersionExample
from droplearn.scenarios.learning.folds import make_folds

Row = TypeVar("Row")


class Held(NamedTuple):
    """A job whose version holds one part of a labelled folder out."""

    job: LocalJob
    version: DatasetVersion
    examples: list[VersionExample]
    splits: list[Split]


def each_fold(options: argparse.Namespace, count: int, measure: Callable[[Held, int, int], Row], scenario: str) -> list[Row]:
    """A row of each seed and each of the first `count` of `options.folds` parts; `measure`: held, seed, fold."""
    files = labelled_files(options.data)
    results: list[Row] = []
    for seed in runs.seeds_of(options):
        assigned = label_folds(files, options.folds, seed)
        for fold in range(count):
            with tempfile.TemporaryDirectory() as scratch:
                job = LocalJob(Path(scratch), scenario)
                splits = splits_of(files, options.validation_fraction, seed, np.flatnonzero(assigned == fold).tolist())
                version, examples = make_version(options.data, files, splits, f"v-{seed}-{fold}", scenario)
                job.write_channel(version, examples, options.data)
                job.write_request(runs.settings_of(options, seed), version.version_id)
                results.append(measure(Held(job, version, examples, splits), seed, fold))
            runs.print_row(results)
    return results


def label_figures(metrics: Mapping[str, float]) -> dict[str, float]:
    """Of a classification."""
    names = ("top1_accuracy", "macro_f1", "log_loss")
    return {name: metrics[name] for name in names} | {"calibration_error": metrics["expected_calibration_error"]}


def label_folds(files: Sequence[tuple[str, str]], count: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    """(N,): the part of each (path, label)."""
    labels = sorted({label for _, label in files})
    return make_folds(np.array([labels.index(label) for _, label in files]), [path for path, _ in files], seed, count).assigned


def logistic_accuracy(row: Mapping[str, Any], examples: Sequence[VersionExample]) -> float:
    """The plain baseline: scikit-learn's logistic regression with its defaults. row: etag -> features."""
    from sklearn.linear_model import LogisticRegression

    kept = [example for example in examples if example.etag in row]
    features = np.stack([row[example.etag] for example in kept])
    y, is_test = np.array([example.label for example in kept]), np.array([example.split == "test" for example in kept])
    model = LogisticRegression(max_iter=2000).fit(features[~is_test], y[~is_test])
    return float(model.score(features[is_test], y[is_test]))
