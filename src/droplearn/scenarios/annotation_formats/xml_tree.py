"""A small XML reader for files from outside: no document type, no entities, nothing fetched; bytes, depth, elements and text are bounded.

Source: the attacks that the documentation of Python's "XML Processing Modules" lists; all need a document type declaration.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from droplearn.scenarios.annotation_formats.annotations import BrokenAnnotation

MAX_XML_BYTES = 10 * 1024 * 1024
_MAX_DEPTH, _MAX_ELEMENTS, _MAX_TEXT = 32, 200_000, 20_000


@dataclass
class Element:
    """`text`: what stands directly in it, without blanks at both ends."""

    tag: str
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def find(self, tag: str) -> Element | None:
        """The first child of that name, whatever its case."""
        return next((child for child in self.children if child.tag.lower() == tag), None)

    def find_all(self, tag: str) -> list[Element]:
        """All children of that name."""
        return [child for child in self.children if child.tag.lower() == tag]

    def text_of(self, tag: str) -> str:
        """The text of the first child of that name; empty where there is none."""
        child = self.find(tag)
        return child.text if child is not None else ""


def parse(raw: bytes) -> Element:
    """The root. Raises BrokenAnnotation (`annotation_too_large`, `annotation_forbidden`, `annotation_broken`)."""
    if len(raw) > MAX_XML_BYTES:
        raise BrokenAnnotation("annotation_too_large", f"The XML has {len(raw):,} bytes; the limit is {MAX_XML_BYTES:,}.")
    builder = _Builder()
    try:
        builder.parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise BrokenAnnotation("annotation_broken", f"This is no XML: {error}.") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, BrokenAnnotation):
            raise
        raise BrokenAnnotation("annotation_broken", f"The XML's encoding is not understood: {error}.") from error
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.root = Element("")
        self._open: list[Element] = []
        self._count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 (expat's signature)
        self._count += 1
        if len(self._open) >= _MAX_DEPTH or self._count > _MAX_ELEMENTS:
            raise BrokenAnnotation("annotation_too_large", f"The XML has more than {_MAX_ELEMENTS:,} elements or {_MAX_DEPTH} levels.")
        element = Element(tag)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, tag: str) -> None:  # noqa: ARG002 (expat's signature)
        element = self._open.pop()
        element.text = element.text.strip()

    def _characters(self, text: str) -> None:
        if len(self._open[-1].text) + len(text) > _MAX_TEXT:
            raise BrokenAnnotation("annotation_too_large", f"The XML holds a text of more than {_MAX_TEXT:,} characters.")
        self._open[-1].text += text

    def _refuse(self, *_: Any) -> None:
        raise BrokenAnnotation("annotation_forbidden", "The XML has a document type declaration (<!DOCTYPE>), which is not accepted.")
