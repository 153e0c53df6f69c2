"""What every annotation format comes to: objects with a name and a place, in pixels of the picture, and what was wrong with them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

MAX_BYTES = 50 * 1024 * 1024
MAX_OBJECTS = 5000
"""On one picture."""
MAX_NAME_BYTES = 2000
_LARGEST_COORDINATE = 1e6
_ROUNDING = 0.01
"""Of the picture's side (but at least two pixels): a box that is further outside was not drawn on this picture."""


BrokenCode = Literal["annotation_broken", "annotation_forbidden", "annotation_too_large", "annotation_wrong_format"]


class BrokenAnnotation(ValueError):
    """The file cannot be read. `code` is stable, the message is for people."""

    def __init__(self, code: BrokenCode, message: str) -> None:
        super().__init__(message)
        self.code: BrokenCode = code


class Problem(NamedTuple):
    """Something odd about one object of a file. `is_excluded`: the object is left out; otherwise it was repaired."""

    code: str
    """`box_missing`, `box_invalid`, `box_swapped`, `box_empty`, `box_outside`, `box_clipped`, `name_missing`."""
    message: str
    is_excluded: bool


class Box(NamedTuple):
    """Edges in pixels: x to the right, y down, 0 at the picture's left-top corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In pixels."""
        return self.bottom - self.top


@dataclass(frozen=True)
class AnnotatedObject:
    """`text`: the transcript, where the format has one beside the name. `polygon`: (x, y) points, where one was drawn, in `box`."""

    name: str
    box: Box
    text: str | None = None
    polygon: tuple[tuple[float, float], ...] = ()
    is_truncated: bool = False
    is_difficult: bool = False


@dataclass(frozen=True)
class Annotation:
    """Of one picture. `width`, `height`: as the file says, None where it does not. No objects: nothing is on the picture."""

    objects: tuple[AnnotatedObject, ...]
    width: int | None = None
    height: int | None = None
    problems: tuple[Problem, ...] = ()


def make_box(x0: float, y0: float, x1: float, y1: float) -> tuple[Box | None, Problem | None]:
    """A box from two corners in any order; None where it is no box."""
    told = f"({x0:g}, {y0:g}) to ({x1:g}, {y1:g})"
    if not all(math.isfinite(v) and abs(v) <= _LARGEST_COORDINATE for v in (x0, y0, x1, y1)):
        return None, Problem("box_invalid", f"The box {told} is no place on a picture.", is_excluded=True)
    if x0 == x1 or y0 == y1:
        return None, Problem("box_empty", f"The box {told} has no area.", is_excluded=True)
    box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    if (box.left, box.top) != (x0, y0):
        return box, Problem("box_swapped", f"The box {told} has its corners swapped; they were put in order.", is_excluded=False)
    return box, None


def fit_into(annotation: Annotation, width: int, height: int) -> Annotation:
    """The objects as far as they lie on a picture of that size (pixels), which is now the annotation's; problems are added."""
    objects, problems = [], list(annotation.problems)
    for item in annotation.objects:
        inside, problem = _clip(item.box, width, height)
        if problem is not None:
            problems.append(problem._replace(message=f"{item.name}: {problem.message}"))
        if inside is not None:
            polygon = tuple((min(max(x, 0.0), width), min(max(y, 0.0), height)) for x, y in item.polygon)
            objects.append(replace(item, box=inside, polygon=polygon))
    return Annotation(tuple(objects), width, height, tuple(problems))


def scale(annotation: Annotation, x: float, y: float) -> Annotation:
    """All places times x and y."""
    objects = tuple(
        replace(
            o,
            box=Box(o.box.left * x, o.box.top * y, o.box.right * x, o.box.bottom * y),
            polygon=tuple((px * x, py * y) for px, py in o.polygon),
        )
        for o in annotation.objects
    )
    return replace(annotation, objects=objects)


def _clip(box: Box, width: int, height: int) -> tuple[Box | None, Problem | None]:
    inside = Box(max(box.left, 0.0), max(box.top, 0.0), min(box.right, width), min(box.bottom, height))
    told = f"The box ({box.left:g}, {box.top:g}) to ({box.right:g}, {box.bottom:g})"
    if inside.width <= 0 or inside.height <= 0:
        return None, Problem("box_outside", f"{told} lies outside the picture of {width} x {height}.", is_excluded=True)
    beyond = max((inside.left - box.left, box.right - inside.right, inside.top - box.top, box.bottom - inside.bottom))
    if beyond > max(2.0, _ROUNDING * max(width, height)):
        return inside, Problem("box_clipped", f"{told} reaches beyond the picture of {width} x {height}; it was cut.", is_excluded=False)
    return inside, None
