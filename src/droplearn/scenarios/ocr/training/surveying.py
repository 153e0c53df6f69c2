"""What form a dataset has and how it writes, from its annotations alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.ocr.annotated import OTHER_NAMES
from droplearn.scenarios.ocr.conventions import Conventions, learn_conventions
from droplearn.scenarios.ocr.training.examples import LearningPage


@dataclass(frozen=True)
class Survey:
    """`has_fields`: names are fields and texts stand in `<text>`, or values of fields were given; else only lines are learnt."""

    has_fields: bool
    conventions: Conventions

    @property
    def form(self) -> str:
        """`fields` or `lines`."""
        return "fields" if self.has_fields else "lines"


def survey(pages: Sequence[LearningPage]) -> Survey:
    """One page with a `<text>` makes names fields; files with values name fields, too (whether they are some is seen later)."""
    names, texts = set[str](), list[str]()
    for page in pages:
        try:
            objects = page.reader.annotation(page.example).objects
        except Unusable:
            continue
        has_transcripts = any(item.text is not None for item in objects)
        texts += [text for item in objects if (text := ((item.text if has_transcripts else item.name) or "").strip())]
        names |= {item.name.strip() for item in objects if has_transcripts}
    has_values = any(page.reader.values_file(page.example) for page in pages)
    return Survey(has_values or any(name.casefold() not in OTHER_NAMES for name in names), learn_conventions(texts))
