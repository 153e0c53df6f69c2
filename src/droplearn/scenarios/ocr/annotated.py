"""What annotations say of a page: its lines with their texts and fields, and the values of its fields. Training and evaluation read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from droplearn.contracts.dataset import VersionExample
from droplearn.scenarios.annotation_formats import voc
from droplearn.scenarios.annotation_formats.alignment import Unusable, align, orientation_of
from droplearn.scenarios.annotation_formats.annotations import Annotation, BrokenAnnotation, Problem, fit_into
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.ocr.dataset import key_of, values_files
from droplearn.scenarios.ocr.fields.layout import TextLine
from droplearn.scenarios.ocr.reading.pages import Page, decode_page
from droplearn.scenarios.pictures import UndecodableImage

OTHER_NAMES = {"text", "other", "others", "ignore", "none", "background"}
"""Names that stand for no field beside a `<text>`."""
_UNREADABLE = {"###", "*"}
"""Marks of text that nobody can read. Source: ICDAR 2015, challenge 4."""
_MIN_SIDE_PX = 2
_MAX_VALUE_CHARACTERS = 2000


@dataclass(frozen=True)
class AnnotatedLine:
    """`field` is empty where the line belongs to none; `place` holds the text and its box, relative to the picture as shown."""

    place: TextLine
    field: str = ""

    @property
    def text(self) -> str:
        """The transcript."""
        return self.place.text


@dataclass(frozen=True)
class AnnotatedPage:
    """Decoded, with what is annotated. `values`: of fields, where a JSON gave them."""

    page: Page
    lines: tuple[AnnotatedLine, ...]
    values: Mapping[str, str]
    has_transcripts: bool
    """The texts come from `<text>`, so that `<name>` is a field."""
    problems: tuple[Problem, ...] = ()


@dataclass
class AnnotationReader:
    """The pages of a source. Threads may share it."""

    source: ExampleSource
    _values: dict[tuple[tuple[str, ...], str], str] = field(init=False)

    def __post_init__(self) -> None:
        self._values = values_files(self.source.version.annotation_files)

    def read(self, example: VersionExample) -> AnnotatedPage:
        """Raises Unusable: codes of pictures (`corrupt`, ...), `missing`, `annotation_...`, `size_mismatch`."""
        try:
            raw = self.source.read(example.path)
            page = decode_page(raw)
        except UndecodableImage as error:
            raise Unusable(error.code, str(error)) from error
        except OSError as error:
            raise Unusable("missing", "The object was deleted or could not be read.") from error
        annotation = self.annotation(example)
        aligned = fit_into(align(annotation, page.width, page.height, orientation_of(raw)), page.width, page.height)
        values, problem = self._values_of(example)
        problems = (*aligned.problems, *([problem] if problem else []))
        has_transcripts = any(item.text is not None for item in annotation.objects)
        return AnnotatedPage(page, tuple(_lines(aligned, has_transcripts)), values, has_transcripts, problems)

    def annotation(self, example: VersionExample) -> Annotation:
        """Without the picture: quick. Raises Unusable."""
        file = str((example.annotation or {}).get("file", ""))
        try:
            return voc.read(self.source.read(file))
        except BrokenAnnotation as error:
            raise Unusable(error.code, f"{file}: {error}") from error
        except OSError as error:
            raise Unusable("annotation_missing", f"{file} was deleted or could not be read.") from error

    def values_file(self, example: VersionExample) -> str | None:
        """The JSON beside a page."""
        return self._values.get(key_of(example.path))

    def _values_of(self, example: VersionExample) -> tuple[dict[str, str], Problem | None]:
        file = self.values_file(example)
        if file is None:
            return {}, None
        try:
            told = json.loads(self.source.read(file))
            if not isinstance(told, dict):
                raise ValueError("it is no object")
        except (OSError, ValueError, RecursionError) as error:
            return {}, Problem("values_broken", f"{file} holds no values of fields: {error}", is_excluded=False)
        kept = {str(k): str(v)[:_MAX_VALUE_CHARACTERS] for k, v in told.items() if isinstance(v, str | int | float) and str(v).strip()}
        return kept, None


def _lines(annotation: Annotation, has_transcripts: bool) -> Iterable[AnnotatedLine]:
    """Objects that say something. Width and height of the annotation are those of the picture."""
    width, height = annotation.width or 1, annotation.height or 1
    for item in annotation.objects:
        text = (item.text if has_transcripts else item.name) or ""
        if not text.strip() or text.strip() in _UNREADABLE or min(item.box.width, item.box.height) < _MIN_SIDE_PX:
            continue
        box = item.box
        place = TextLine(text.strip(), box.left / width, box.top / height, box.right / width, box.bottom / height)
        name = item.name.strip() if has_transcripts else ""
        yield AnnotatedLine(place, "" if name.casefold() in OTHER_NAMES else name)
