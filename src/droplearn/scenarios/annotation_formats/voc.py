"""Pascal VOC XML (D-6, D-8): size, objects with a name and a box or polygon; `<text>` beside `<name>` where there is one.

Coordinates are taken as edges in pixels. An annotation without objects is one: nothing is on the picture.
Source: Everingham et al., "The PASCAL Visual Object Classes Challenge 2012 Development Kit", section 4.
"""

from __future__ import annotations

import math

from droplearn.scenarios.annotation_formats.annotations import (
    MAX_NAME_BYTES,
    MAX_OBJECTS,
    AnnotatedObject,
    Annotation,
    Box,
    BrokenAnnotation,
    Problem,
    make_box,
)
from droplearn.scenarios.annotation_formats.xml_tree import Element, parse

_Points = tuple[tuple[float, float], ...]


def read(raw: bytes) -> Annotation:
    """Boxes as they are written but for swapped corners: `annotations.fit_into` compares them with the picture.

    Raises:
        BrokenAnnotation: `annotation_broken`, `annotation_forbidden`, `annotation_too_large`, `annotation_wrong_format`.
    """
    root = parse(raw)
    if root.tag.lower() != "annotation":
        raise BrokenAnnotation("annotation_wrong_format", f"VOC XML begins with <annotation>, not <{root.tag[:50]}>.")
    elements = root.find_all("object")
    if len(elements) > MAX_OBJECTS:
        raise BrokenAnnotation("annotation_too_large", f"The XML has {len(elements):,} objects; the limit is {MAX_OBJECTS:,}.")
    objects, problems = [], []
    for element in elements:
        item, found = _object(element)
        problems += found
        if item is not None:
            objects.append(item)
    size = root.find("size") or Element("size")
    return Annotation(tuple(objects), _side(size, "width"), _side(size, "height"), tuple(problems))


def _object(element: Element) -> tuple[AnnotatedObject | None, list[Problem]]:
    name = element.text_of("name")
    if not name or len(name.encode()) > MAX_NAME_BYTES:
        return None, [Problem("name_missing", "An object has no <name>, or one that is too long.", is_excluded=True)]
    polygon = _polygon(element.find("polygon"))
    box, problem = _place(element.find("bndbox"), polygon)
    problems = [] if problem is None else [problem._replace(message=f"{name[:50]}: {problem.message}")]
    if box is None:
        return None, problems
    text = element.find("text")
    found = AnnotatedObject(
        name=name,
        box=box,
        text=text.text if text is not None else None,
        polygon=polygon,
        is_truncated=_flag(element, "truncated"),
        is_difficult=_flag(element, "difficult"),
    )
    return found, problems


def _place(element: Element | None, polygon: _Points) -> tuple[Box | None, Problem | None]:
    if element is None and polygon:
        return make_box(min(x for x, _ in polygon), min(y for _, y in polygon), max(x for x, _ in polygon), max(y for _, y in polygon))
    if element is None:
        return None, Problem("box_missing", "The object has neither <bndbox> nor <polygon>.", is_excluded=True)
    x0, y0, x1, y1 = (_number(element.text_of(tag)) for tag in ("xmin", "ymin", "xmax", "ymax"))
    return make_box(x0, y0, x1, y1)


def _polygon(element: Element | None) -> _Points:
    """`<x1>..<y1>..<x2>..<y2>` or `<pt><x>..<y>..</pt>`; empty where it is no polygon of three points."""
    if element is None:
        return ()
    points = [(_number(p.text_of("x")), _number(p.text_of("y"))) for p in element.find_all("pt")]
    if not points:
        count = sum(child.tag.lower().startswith("x") for child in element.children)
        points = [(_number(element.text_of(f"x{i}")), _number(element.text_of(f"y{i}"))) for i in range(1, count + 1)]
    return tuple(points) if len(points) >= 3 and all(math.isfinite(v) for point in points for v in point) else ()


def _number(text: str) -> float:
    """NaN for what is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _side(size: Element, tag: str) -> int | None:
    """Pixels; None where it is missing or 0 (some tools do not fill it)."""
    value = _number(size.text_of(tag))
    return round(value) if math.isfinite(value) and 1 <= value <= 1e6 else None


def _flag(element: Element, tag: str) -> bool:
    return element.text_of(tag).lower() in ("1", "true", "yes")
