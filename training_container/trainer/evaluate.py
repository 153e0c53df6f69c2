"""One processing job: scores a model on a dataset version. Inputs `request`, `model`, `dataset`, `images`; output `report`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from droplearn.contracts.evaluation import EvaluationRequest
from droplearn.contracts.training import CHANNEL_DATASET, CHANNEL_IMAGES
from droplearn.scenarios import scenario_named
from droplearn.scenarios.learning import EvaluationContext
from trainer.channels import example_source, model_folder, model_manifest, read_document
from trainer.deadline import started_at
from trainer.metric_log import StdoutLog
from trainer.paths import Paths


def evaluate(paths: Paths) -> None:
    """Writes report.json and predictions.parquet. Raises DropLearnError."""
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
    (paths.processing_report / "report.json").write_text(result.report.to_json(), "utf-8")
    context.log.note(f"{result.report.example_count} examples, metrics {result.report.metrics}")


def _write_parquet(file: Path, columns: Mapping[str, Any]) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), file, compression="zstd")
