"""What the evaluations of all scenarios share: a report's head, how what was left out is told, and the lines of what was held out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from droplearn.contracts.evaluation import EvaluationProtocol, EvaluationReport
from droplearn.scenarios.learning.context import EvaluationContext


def make_report(
    context: EvaluationContext, protocol: EvaluationProtocol, started: float, metrics: Mapping[str, float], **figures: Any
) -> EvaluationReport:
    """`started`: by monotonic(). `figures`: the report's other fields."""
    return EvaluationReport(
        evaluation_id=context.request.evaluation_id,
        model_id=context.request.model_id,
        scenario=context.request.scenario,
        dataset_version=context.request.dataset_version,
        protocol=protocol,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        duration_s=round(monotonic() - started, 3),
        metrics={name: round(value, 6) for name, value in metrics.items()},
        **figures,
    )


def in_words(counts: Counter[str]) -> str:
    """`3 unreadable, 1 missing`: the ten most frequent."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common(10))


def held_out_lines(file: Path) -> Iterator[dict[str, Any]]:
    """None, where the trainer held nothing out."""
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())
