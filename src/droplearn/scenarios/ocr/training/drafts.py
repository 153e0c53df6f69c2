"""From networks, a field model and held-out results to the files of a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from droplearn.contracts.model import BaseModelComparison, Candidate, StopReason
from droplearn.scenarios.learning import DraftFile, ModelDraft
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.fields.extractor import FIELDS_FILE, Extractor
from droplearn.scenarios.ocr.measures import PageResult, field_metrics, line_metrics
from droplearn.scenarios.ocr.model_files import DETECTOR_FILE, HELD_OUT_FILE, RECOGNISER_FILE, kinds_of
from droplearn.scenarios.ocr.training.networks import Networks

Protocol = Literal["validation", "cross_validation"]


@dataclass(frozen=True)
class Learnt:
    """What a training has so far. `results`: of pages that neither recogniser nor field model had seen."""

    networks: Networks
    extractor: Extractor | None
    conventions: Conventions
    results: Sequence[PageResult]
    protocol: Protocol
    preprocessing: dict[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """Of the held-out results."""
        fields = self.extractor.fields if self.extractor is not None else ()
        return line_metrics(self.results, self.conventions.is_case_sensitive) | field_metrics(self.results, kinds_of(fields))


def make_draft(
    learnt: Learnt,
    *,
    stop_reason: StopReason,
    candidates: Sequence[Candidate] = (),
    base_model: BaseModelComparison | None = None,
    warnings: Sequence[str] = (),
) -> ModelDraft:
    """All files in memory; the harness writes them."""
    lines = "".join(json.dumps(result.to_dict(), ensure_ascii=False) + "\n" for result in learnt.results)
    files = [
        DraftFile(DETECTOR_FILE, "detector", learnt.networks.detector),
        DraftFile(RECOGNISER_FILE, "recogniser", learnt.networks.recogniser),
        DraftFile(HELD_OUT_FILE, "held_out_predictions", lines.encode()),
    ]
    if learnt.extractor is not None:
        roles = {FIELDS_FILE: "fields"}
        files += [DraftFile(name, roles.get(name, "weights"), content) for name, content in learnt.extractor.to_files().items()]
    return ModelDraft(
        files=files,
        labels=[f.name for f in learnt.extractor.fields] if learnt.extractor is not None else [],
        inputs=[],
        outputs=[],
        metrics=valid_metrics(learnt.metrics),
        metrics_protocol=learnt.protocol,
        stop_reason=stop_reason,
        candidates=candidates,
        preprocessing=learnt.preprocessing | learnt.conventions.to_dict(),
        base_model=base_model,
        warnings=warnings,
    )


def valid_metrics(metrics: dict[str, float]) -> dict[str, float]:
    """`valid_line_accuracy`, ..."""
    return {f"valid_{name}": value for name, value in metrics.items()}
