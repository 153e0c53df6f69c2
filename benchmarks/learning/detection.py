"""How well and how fast objects are learnt to be found: `python -m benchmarks.learning.detection --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a seed: a fifth of the pictures, by the seed, is held out. `--peer`
trains the same network by a plain recipe beside it, in the same budget (plain_detector.py).
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.learning import runs
from benchmarks.learning.local_job import LocalJob
from droplearn.contracts.dataset import DatasetVersion, ExampleStatus, Split, VersionExample
from droplearn.scenarios.object_detection import OBJECT_DETECTION


@dataclass(frozen=True)
class Measured:
    """One training with one part held out."""

    seed: int
    test_count: int
    map_50: float
    map_50_95: float
    precision: float
    recall: float
    valid_map_50: float
    peer_map_50: float
    first_model_s: float
    first_map_50: float
    total_s: float
    rounds: int
    chosen: str
    stop_reason: str
    load: float


def main() -> None:
    options = _options()
    results = []
    for seed in runs.seeds_of(options):
        results.append(measure(options, seed))
        runs.print_row(results)
    runs.print_means(results, ("map_50", "map_50_95", "valid_map_50", "peer_map_50", "first_model_s", "first_map_50", "total_s"))
    runs.write_rows(options.json, results)


def annotated_version(
    folder: Path, name: str, seed: int, test_share: float, validation_share: float
) -> tuple[DatasetVersion, list[VersionExample]]:
    """As a freeze makes it: split by content, so that copies stay together; the annotations paired by their names."""
    files = sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())
    status = {path: OBJECT_DETECTION.recognise(path, (folder / path).stat().st_size).status for path in files}
    annotation_files = [path for path in files if status[path] is ExampleStatus.ANNOTATION]
    assert OBJECT_DETECTION.pair
    paired = OBJECT_DETECTION.pair([path for path in files if status[path] is ExampleStatus.UNLABELLED], annotation_files)
    examples = []
    for path, annotation in sorted(paired.items()):
        raw = (folder / path).read_bytes()
        etag = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        told = {"path": path, "etag": etag, "size_bytes": len(raw), "annotation": {"file": annotation}, "split": "train"}
        examples.append(VersionExample.model_validate(told))
    splits = _splits([e.etag for e in examples], seed, test_share, validation_share)
    examples = [e.model_copy(update={"split": splits[e.etag]}) for e in examples]
    version = DatasetVersion(
        version_id=name,
        project="p",
        dataset="d",
        scenario=OBJECT_DETECTION.name,
        source_uri="s3://data/p/d/",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        labels=[],
        label_counts={},
        split_counts=dict(Counter(e.split for e in examples)),
        annotation_files=annotation_files,
    )
    return version, examples


def _splits(etags: Sequence[str], seed: int, test_share: float, validation_share: float) -> dict[str, Split]:
    contents = sorted(set(etags))
    order = np.random.default_rng(seed).permutation(len(contents))
    tests, validations = round(len(contents) * test_share), round(len(contents) * validation_share)
    return {
        contents[i]: "test" if place < tests else "validation" if place < tests + validations else "train" for place, i in enumerate(order)
    }


def measure(options: argparse.Namespace, seed: int) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        job = LocalJob(Path(scratch), OBJECT_DETECTION.name)
        version, examples = annotated_version(options.data, f"v-{seed}", seed, options.test_fraction, options.validation_fraction)
        job.write_channel(version, examples, options.data)
        job.write_request(runs.settings_of(options, seed), version.version_id)
        first = Path(scratch) / "first"
        first_s, total_s = runs.train_timed(job, first)
        if options.log:
            runs.show_log(job)
        metrics = {model: runs.evaluated(job, model, version, examples, options.data) for model in (first, job.model)}
        manifest = job.manifest
        peer = _peer(job, options, seed, version, examples) if options.peer else float("nan")
        return Measured(
            seed=seed,
            test_count=sum(e.split == "test" for e in examples),
            map_50=metrics[job.model]["map_50"],
            map_50_95=metrics[job.model]["map_50_95"],
            precision=metrics[job.model]["precision"],
            recall=metrics[job.model]["recall"],
            valid_map_50=manifest.metrics["valid_map_50"],
            peer_map_50=peer,
            first_map_50=metrics[first]["map_50"],
            rounds=len(manifest.history),
            **runs.told_of(job, first_s, total_s),
        )


def _peer(job: LocalJob, options: argparse.Namespace, seed: int, version: DatasetVersion, examples: Sequence[VersionExample]) -> float:
    """Learns from training and validation pictures, as it does not validate."""
    from benchmarks.learning.plain_detector import train_plainly

    model = job.base / "plain"
    train_plainly(job, model, options.budget, seed)
    return runs.evaluated(job, model, version, examples, options.data)["map_50"]


def _options() -> argparse.Namespace:
    parser = runs.common_options(__doc__, "a folder of annotated pictures", budget_s=600)
    parser.add_argument("--test-fraction", type=float, default=0.2)
    parser.add_argument("--validation-fraction", type=float, default=0.12)
    parser.add_argument("--peer", action="store_true", help="also train by a plain recipe in the same budget")
    return parser.parse_args()


if __name__ == "__main__":
    main()
