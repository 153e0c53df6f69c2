"""COCO JSON: `images` (id, file_name, width, height), `annotations` (image_id, category_id, bbox, iscrowd), `categories` (id, name).

A crowd (`iscrowd`) is a difficult object. Masks are used only where there is no box. Source: "COCO: Data format", cocodataset.org.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from droplearn.scenarios.annotation_formats.annotations import (
    MAX_BYTES,
    MAX_NAME_BYTES,
    MAX_OBJECTS,
    AnnotatedObject,
    Annotation,
    Box,
    BrokenAnnotation,
    Problem,
    make_box,
)


@dataclass(frozen=True)
class _Image:
    parts: tuple[str, ...]
    """Of its file name."""
    annotation: Annotation


@dataclass(frozen=True)
class CocoFile:
    """What a file says, by the pictures' names."""

    images: Mapping[str, list[_Image]] = field(default_factory=dict)

    def find(self, path: str) -> Annotation | None:
        """The entry whose file name has the longest end in common with the picture's path; None where no entry has its name."""
        parts = PurePosixPath(path).parts
        found = self.images.get(parts[-1], [])
        return max(found, key=lambda image: _common_end(image.parts, parts)).annotation if found else None


def read(raw: bytes) -> CocoFile:
    """Raises BrokenAnnotation (`annotation_broken`, `annotation_too_large`, `annotation_wrong_format`)."""
    told = _parse(raw)
    names = {entry.get("id"): str(entry.get("name", "")).strip() for entry in _entries(told, "categories")}
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for entry in _entries(told, "annotations"):
        by_image[_key(entry.get("image_id"))].append(entry)
    images: dict[str, list[_Image]] = defaultdict(list)
    for entry in _entries(told, "images"):
        parts = PurePosixPath(str(entry.get("file_name", "")).replace("\\", "/")).parts
        if parts:
            images[parts[-1]].append(_Image(parts, _annotation(entry, by_image.get(_key(entry.get("id")), []), names)))
    return CocoFile(images)


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise BrokenAnnotation("annotation_too_large", f"The JSON has {len(raw):,} bytes; the limit is {MAX_BYTES:,}.")
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BrokenAnnotation("annotation_broken", f"This is no JSON: {error}.") from error
    if not isinstance(told, dict) or not all(isinstance(told.get(name), list) for name in ("images", "annotations", "categories")):
        raise BrokenAnnotation("annotation_wrong_format", "COCO JSON is an object with the lists images, annotations and categories.")
    return told


def _entries(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Ids may be numbers or texts, but nothing that holds others."""
    kept = [entry for entry in told[name] if isinstance(entry, dict)]
    return [e for e in kept if all(isinstance(e.get(key), int | str | float | None) for key in ("id", "image_id", "category_id"))]


def _annotation(image: dict[str, Any], entries: list[dict[str, Any]], names: Mapping[Any, str]) -> Annotation:
    objects, problems = [], []
    for entry in entries[:MAX_OBJECTS]:
        name = names.get(entry.get("category_id"), "")
        if not name or len(name.encode()) > MAX_NAME_BYTES:
            problems.append(Problem("name_missing", f"There is no category {entry.get('category_id')!r}.", is_excluded=True))
            continue
        box, problem = _box(entry)
        if problem is not None:
            problems.append(problem._replace(message=f"{name[:50]}: {problem.message}"))
        if box is not None:
            objects.append(AnnotatedObject(name, box, is_difficult=bool(entry.get("iscrowd"))))
    return Annotation(tuple(objects), _side(image.get("width")), _side(image.get("height")), tuple(problems))


def _box(entry: dict[str, Any]) -> tuple[Box | None, Problem | None]:
    box = entry.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all(_is_number(v) for v in box):
        left, top, width, height = (float(v) for v in box)
        return make_box(left, top, left + width, top + height)
    flat = [v for polygon in _polygons(entry.get("segmentation")) for v in polygon]
    if len(flat) >= 6 and len(flat) % 2 == 0:
        return make_box(min(flat[::2]), min(flat[1::2]), max(flat[::2]), max(flat[1::2]))
    return None, Problem("box_missing", "The annotation has neither bbox nor polygons.", is_excluded=True)


def _polygons(segmentation: Any) -> list[list[float]]:
    found = segmentation if isinstance(segmentation, list) else []
    return [[float(v) for v in polygon] for polygon in found if isinstance(polygon, list) and all(_is_number(v) for v in polygon)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _side(value: Any) -> int | None:
    return round(value) if _is_number(value) and 1 <= value <= 1e6 else None


def _key(value: Any) -> str:
    """Ids that are written as a number in one place and as a text in another are the same."""
    return str(value)


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        if a != b:
            break
        count += 1
    return count
