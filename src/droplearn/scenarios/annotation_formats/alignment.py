"""Brings the boxes of an annotation onto the picture as it is shown.

Where the picture's size is not what the annotation says: a picture that EXIF turns has its boxes turned, one that was scaled has them
scaled; what cannot be explained is kept only if all boxes lie on the picture.
"""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image

from droplearn.scenarios.annotation_formats.annotations import AnnotatedObject, Annotation, Box, Problem, scale

_SAME_ASPECT = 0.02
_TURNED = {5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
"""EXIF orientation -> whether the new x, the new y counts from the far end. All four swap the axes."""


class Unusable(ValueError):
    """The picture or its annotation cannot be used. `code` is the health report's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def align(annotation: Annotation, width: int, height: int, orientation: int) -> Annotation:
    """As if drawn on the upright picture of width x height. orientation: EXIF, 1 to 8. Raises Unusable (`size_mismatch`)."""
    told = (annotation.width, annotation.height)
    if told[0] is None or told[1] is None or told == (width, height):
        return annotation
    if told == (height, width) and orientation in _TURNED:
        return _noted(_turn(annotation, orientation, told[0], told[1]), "size_rotated", "The boxes were turned as EXIF turns the picture.")
    is_inside = all(o.box.right <= width * 1.01 and o.box.bottom <= height * 1.01 for o in annotation.objects)
    if told == (height, width) and is_inside:
        return _noted(annotation, "size_swapped", "The annotation has width and height swapped.")
    if abs(told[0] * height - told[1] * width) <= _SAME_ASPECT * told[1] * width:
        scaled = scale(annotation, width / told[0], height / told[1])
        return _noted(scaled, "size_scaled", f"The boxes were scaled from {told[0]} x {told[1]} to {width} x {height}.")
    message = f"The annotation is for {told[0]} x {told[1]} pixels, the picture has {width} x {height}"
    if not is_inside:
        raise Unusable("size_mismatch", f"{message}, and boxes lie outside it.")
    return _noted(annotation, "size_mismatch", f"{message}; its boxes are taken as they are.")


def _turn(annotation: Annotation, orientation: int, width: int, height: int) -> Annotation:
    """width, height: of the stored picture, before it is turned."""
    from_right, from_bottom = _TURNED[orientation]

    def place(x: float, y: float) -> tuple[float, float]:
        return (height - y if from_right else y), (width - x if from_bottom else x)

    def turned(item: AnnotatedObject) -> AnnotatedObject:
        (x0, y0), (x1, y1) = place(item.box.left, item.box.top), place(item.box.right, item.box.bottom)
        box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        return replace(item, box=box, polygon=tuple(place(x, y) for x, y in item.polygon))

    return replace(annotation, objects=tuple(turned(item) for item in annotation.objects), width=height, height=width)


def _noted(annotation: Annotation, code: str, message: str) -> Annotation:
    return replace(annotation, problems=(*annotation.problems, Problem(code, message, is_excluded=False)))


def orientation_of(raw: bytes) -> int:
    """EXIF's, 1 where there is none. The bytes have been decoded before."""
    try:
        with Image.open(io.BytesIO(raw), formats=["JPEG", "PNG", "WEBP"]) as image:
            return int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001 (a damaged EXIF block: the picture is shown as it is stored)
        return 1
