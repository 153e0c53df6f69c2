"""One processing job: scores a model on a dataset version. Inputs `request`, `model`, `dataset`, `images`; output `report`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from droplearn.contracts.evaluation import BadCase, BadCaseGroup, BadCaseIndex, EvaluationRequest
from droplearn.contracts.training import CHANNEL_DATASET, CHANNEL_IMAGES
from droplearn.scenarios import scenario_named
from droplearn.scenarios.learning import EvaluationContext
from trainer.channels import example_source, model_folder, model_manifest, read_document
from trainer.deadline import started_at
from trainer.metric_log import StdoutLog
from trainer.paths import Paths


def evaluate(paths: Paths) -> None:
    """Writes report.json, predictions.parquet and, where the scenario makes them, curves and bad cases. Raises DropLearnError."""
    import time

    begun = started_at()
    request = read_document(EvaluationRequest, paths.processing_input("request") / "request.json")
    with tempfile.TemporaryDirectory() as scratch:
        folder = model_folder(paths.processing_input("model"), Path(scratch))
        context = EvaluationContext(
            request=request,
            manifest=model_manifest(folder),
            model_folder=folder,
            source=example_source(paths.processing_input(CHANNEL_DATASET), paths.processing_input(CHANNEL_IMAGES)),
            log=StdoutLog(lambda: time.time() - begun),
        )
        result = scenario_named(request.scenario).load_evaluation().evaluate(context)
    paths.processing_report.mkdir(parents=True, exist_ok=True)
    _write_parquet(paths.processing_report / "predictions.parquet", result.predictions)
    if result.curves is not None:
        (paths.processing_report / "curves.json").write_text(result.curves.to_json(), "utf-8")
    if result.bad_cases is not None:
        write_bad_cases(paths.processing_report, request.evaluation_id, result.bad_cases)
    report = result.report.model_copy(update={"model_size_bytes": context.manifest.served_size_bytes})
    (paths.processing_report / "report.json").write_text(report.to_json(), "utf-8")
    context.log.note(f"{result.report.example_count} examples, metrics {result.report.metrics}")


def write_bad_cases(folder: Path, evaluation_id: str, cases: Sequence[BadCase]) -> None:
    """Sorted, so that each pair of labels is one range of bytes."""
    ordered = sorted(cases, key=lambda case: (case.label, case.predicted, -case.confidence, case.path))
    groups: list[BadCaseGroup] = []
    with (folder / "bad_cases.jsonl").open("wb") as file:
        for (label, predicted), members in groupby(ordered, key=lambda case: (case.label, case.predicted)):
            first, lines = file.tell(), [case.model_dump_json(exclude_none=True) + "\n" for case in members]
            file.writelines(line.encode() for line in lines)
            size = file.tell() - first
            groups.append(BadCaseGroup(label=label, predicted=predicted, count=len(lines), first_byte=first, byte_count=size))
    (folder / "bad_cases.json").write_text(BadCaseIndex(evaluation_id=evaluation_id, groups=groups).to_json(), "utf-8")


def _write_parquet(file: Path, columns: Mapping[str, Any]) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), file, compression="zstd")
