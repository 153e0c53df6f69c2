"""Which pages a training learns from: those of the version, joined with the base model's when it continues from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from droplearn.contracts.dataset import VersionExample
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.ocr.annotated import AnnotationReader


@dataclass(frozen=True)
class LearningPage:
    """An annotated page and who reads it. `is_old`: it is among those that the base model was made from."""

    example: VersionExample
    reader: AnnotationReader
    is_old: bool = False


def gather(context: TrainingContext) -> list[LearningPage]:
    """All but the test split, validation first, then by path. A content that occurs in both datasets is taken once, as it is now annotated;
    one that was held out stays so.
    """
    reader = AnnotationReader(context.source)
    new = [LearningPage(e, reader) for e in _annotated(context.source.examples)]
    old: list[LearningPage] = []
    if context.base is not None and context.base.source is not None:
        base_reader = AnnotationReader(context.base.source)
        old = [LearningPage(e, base_reader, is_old=True) for e in _annotated(context.base.source.examples)]
    before = {page.example.etag: page for page in reversed(old)}
    taken = {e.etag for e in context.source.examples if e.annotation is not None}
    pages = [*(page for page in old if page.example.etag not in taken), *(_as_before(page, before.get(page.example.etag)) for page in new)]
    return sorted(pages, key=lambda p: (p.example.split != "validation", p.is_old, p.example.path))


def _annotated(examples: Sequence[VersionExample]) -> list[VersionExample]:
    return [e for e in examples if e.annotation is not None and e.split != "test"]


def _as_before(page: LearningPage, before: LearningPage | None) -> LearningPage:
    if before is None:
        return page
    return replace(page, is_old=True, example=page.example.model_copy(update={"split": before.example.split}))
