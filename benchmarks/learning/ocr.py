"""How well OCR and key fields are learnt from a folder of annotated pages: `python -m benchmarks.learning.ocr --data DIR`.

Runs the trainer and the evaluator as processes on local files, once a fold, and prints a table: ours beside rapidocr untouched (lines)
and a plain logistic regression on character n-grams of its lines (fields). Pages are read once, before, and shared by
the trainings unless `--cold`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.learning import runs
from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from benchmarks.learning.ocr_peers import NGramPeer, rapidocr_lines, read_all
from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.contracts.training import TaskSettings


@dataclass(frozen=True)
class Measured:
    """One training on one part held out. Metrics that do not apply are 0."""

    seed: int
    fold: int
    pages: int
    line_accuracy: float
    character_error_rate: float
    line_accuracy_end_to_end: float
    rapidocr_end_to_end: float
    field_macro_f1: float
    field_macro_f1_exact: float
    field_macro_f1_given_lines: float
    plain_field_macro_f1: float
    plain_given_lines: float
    first_model_s: float
    total_s: float
    chosen: str
    stop_reason: str
    load: float


def main() -> None:
    options = _options()
    version, examples = freeze_folder(options.data, "ocr", TaskSettings(validation_fraction=options.validation_fraction))
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(options.cache or scratch)
        cache.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        pages = read_all(options.data, version, examples, cache, options.preset)
        print(f"{len(examples)} pages read in {time.monotonic() - started:.0f} s", flush=True)
        for seed in runs.seeds_of(options):
            order = np.random.default_rng(seed).permutation(len(examples))
            for fold in options.fold or range(options.folds):
                test = set(order[fold :: options.folds].tolist())
                results.append(measure(options, version, _split(examples, test, seed, options.validation_fraction), seed, fold, pages))
                runs.print_row(results)
    runs.print_means(results, [name for name, value in asdict(results[0]).items() if isinstance(value, float)])
    runs.write_rows(options.json, results)


def measure(
    options: argparse.Namespace, version: DatasetVersion, examples: Sequence[VersionExample], seed: int, fold: int, pages: Path
) -> Measured:
    with tempfile.TemporaryDirectory() as scratch:
        job = LocalJob(Path(scratch), "ocr")
        job.write_channel(version, examples, options.data)
        job.write_request(runs.settings_of(options, seed), version.version_id)
        checkpoints = job.base / "checkpoints"
        checkpoints.mkdir()
        if not options.cold:
            _copy_without(pages, checkpoints / pages.name, {e.path for e in examples if e.split == "test"})
        first_s, total_s = runs.train_timed(job)
        if options.log:
            runs.show_log(job)
        metrics = runs.evaluated(job, job.model, version, examples, options.data)
        if options.show:
            _show(job)
        peer = NGramPeer(pages, examples)
        return Measured(
            seed=seed,
            fold=fold,
            pages=job.report.example_count,
            line_accuracy=metrics["line_accuracy"],
            character_error_rate=metrics["character_error_rate"],
            line_accuracy_end_to_end=metrics["line_accuracy_end_to_end"],
            rapidocr_end_to_end=0.0 if options.no_peer else rapidocr_lines(peer.test_records, peer.conventions, options.data, pages.parent),
            field_macro_f1=metrics.get("field_macro_f1", 0.0),
            field_macro_f1_exact=metrics.get("field_macro_f1_exact", 0.0),
            field_macro_f1_given_lines=metrics.get("field_macro_f1_given_lines", 0.0),
            plain_field_macro_f1=0.0 if options.no_peer else peer.macro_f1(is_given=False),
            plain_given_lines=0.0 if options.no_peer else peer.macro_f1(is_given=True),
            **runs.told_of(job, first_s, total_s),
        )


def _split(examples: Sequence[VersionExample], test: set[int], seed: int, validation_fraction: float) -> list[VersionExample]:
    rest = [i for i in range(len(examples)) if i not in test]
    chosen = np.random.default_rng(seed + 1).permutation(rest)[: max(1, round(validation_fraction * len(rest)))]
    validation = set(chosen.tolist())
    splits = ["test" if i in test else "validation" if i in validation else "train" for i in range(len(examples))]
    return [e.model_copy(update={"split": split}) for e, split in zip(examples, splits, strict=True)]


def _copy_without(source: Path, target: Path, paths: set[str]) -> None:
    """The trainer never sees what was read of the test pages; a page's split is this fold's."""
    lines = [line for line in source.read_text("utf-8").splitlines() if json.loads(line)["path"] not in paths]
    target.write_text("".join(line + "\n" for line in lines), "utf-8")


def _show(job: LocalJob) -> None:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(job.base / "processing" / "output" / "report" / "predictions.parquet").to_pylist()
    for row in table:
        wanted, found = json.loads(row["label"]), json.loads(row["predicted"])
        for name in wanted if isinstance(wanted, dict) else []:
            if wanted[name] != found.get(name):
                print(f"   {row['path']} {name}: {found.get(name)!r} for {wanted[name]!r}")


def _options() -> argparse.Namespace:
    parser = runs.common_options(__doc__, "a folder of pictures with VOC XML of the same name", budget_s=600)
    parser.add_argument("--folds", type=int, default=5, help="each of these parts is held out in turn")
    parser.add_argument("--fold", type=int, action="append", help="only this part (from 0); may be repeated")
    parser.add_argument("--validation-fraction", type=float, default=0.15)
    parser.add_argument("--cache", type=Path, help="keep what was read of the pages here")
    parser.add_argument("--cold", action="store_true", help="every training reads its pages itself")
    parser.add_argument("--no-peer", action="store_true", help="ours only")
    parser.add_argument("--show", action="store_true", help="print fields that differ")
    return parser.parse_args()


if __name__ == "__main__":
    main()
