"""Incremental training: whether the old pages are read worse than the base model read them. Both had not seen these pages."""

from __future__ import annotations

import json
from collections.abc import Sequence

from droplearn.contracts.model import BaseModelComparison
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.ocr.fields.values import Kind
from droplearn.scenarios.ocr.measures import PageResult, field_metrics, line_metrics
from droplearn.scenarios.ocr.model_files import HELD_OUT_FILE

_FALLEN = 0.01


def compare(
    context: TrainingContext, results: Sequence[PageResult], kinds: dict[str, Kind], is_case_sensitive: bool
) -> tuple[BaseModelComparison | None, list[str]]:
    """On the old pages that both models were asked about while they were held out; and a warning where the new one is worse."""
    if context.base is None:
        return None, []
    file = context.base.folder / HELD_OUT_FILE
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    before = {result.path: result for result in map(PageResult.from_dict, map(json.loads, filter(None, lines)))}
    after = [result for result in results if result.is_old and result.path in before]
    if not after:
        return None, ["The base model and this one have no held-out page in common: what became of the old pages is not known."]
    old_kinds = {name: kind for name, kind in kinds.items() if name in context.base.manifest.labels}
    metric = "field_macro_f1" if old_kinds else "line_accuracy"
    was, now = (
        (line_metrics(pages, is_case_sensitive) | field_metrics(pages, old_kinds)).get(metric, 0.0)
        for pages in ([before[result.path] for result in after], after)
    )
    comparison = BaseModelComparison(
        model_id=context.base.manifest.model_id,
        metric=metric,
        example_count=len(after),
        accuracy_before=was,
        accuracy_after=now,
        has_fallen=was - now > _FALLEN,
    )
    told = f"On {len(after)} old pages {metric} fell from {was:.3f} to {now:.3f}."
    return comparison, [told] if comparison.has_fallen else []
