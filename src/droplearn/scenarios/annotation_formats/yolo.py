"""YOLO text: a line per object, `class centre_x centre_y width height` (or `class x1 y1 x2 y2 x3 y3 ...`, a polygon), parts of the
picture's sides; and the files that name the classes: classes.txt, obj.names (a name a line), data.yaml (`names:` as list or map).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from droplearn.scenarios.annotation_formats.annotations import (
    MAX_NAME_BYTES,
    MAX_OBJECTS,
    AnnotatedObject,
    Annotation,
    BrokenAnnotation,
    Problem,
    make_box,
    scale,
)

MAX_TEXT_BYTES = 10 * 1024 * 1024
MAX_CLASSES = 10_000
_INLINE = re.compile(r"""'((?:[^']|'')*)'|"((?:[^"\\]|\\.)*)"|([^,\[\]{}]+)""")
_ENTRY = re.compile(r"^\s*(?:-\s+|['\"]?(\d+)['\"]?\s*:\s*)(.+?)\s*$")


def read(raw: bytes, names: Mapping[int, str], width: int, height: int) -> Annotation:
    """Boxes in pixels of a picture of that size. A class without a name is called `class_N`. No line: nothing is on the picture.

    Raises:
        BrokenAnnotation: `annotation_broken`, `annotation_too_large`, `annotation_wrong_format`.
    """
    lines = [line.split() for line in _text(raw).splitlines() if line.strip()]
    if len(lines) > MAX_OBJECTS:
        raise BrokenAnnotation("annotation_too_large", f"The file has {len(lines):,} lines; the limit is {MAX_OBJECTS:,}.")
    objects, problems = [], []
    for fields in lines:
        index, numbers = _numbers(fields)
        points = _corners(numbers) if len(numbers) == 4 else numbers
        box, problem = make_box(min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2]))
        name = names.get(index, f"class_{index}")
        if problem is not None:
            problems.append(Problem(problem.code, f"{name[:50]}: {problem.message}", problem.is_excluded))
        if box is not None:
            objects.append(AnnotatedObject(name, box))
    return scale(Annotation(tuple(objects), width, height, tuple(problems)), width, height)


def read_names(file_name: str, raw: bytes) -> dict[int, str]:
    """Of classes.txt, obj.names or a YAML file; empty where it has none. Raises BrokenAnnotation."""
    text = _text(raw)
    found = _yaml_names(text) if file_name.lower().endswith((".yaml", ".yml")) else dict(enumerate(text.strip().splitlines()))
    kept = {index: name.strip() for index, name in found.items()}
    return {index: name for index, name in list(kept.items())[:MAX_CLASSES] if name and len(name.encode()) <= MAX_NAME_BYTES}


def _text(raw: bytes) -> str:
    if len(raw) > MAX_TEXT_BYTES:
        raise BrokenAnnotation("annotation_too_large", f"The file has {len(raw):,} bytes; the limit is {MAX_TEXT_BYTES:,}.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenAnnotation("annotation_broken", f"The file is no UTF-8 text: {error}.") from error


def _numbers(fields: list[str]) -> tuple[int, list[float]]:
    """Class and coordinates. A sixth number after a box is a confidence, which some tools write."""
    try:
        index, numbers = float(fields[0]), [float(field) for field in fields[1:]]
    except ValueError:
        index, numbers = -1.0, []
    if len(numbers) == 5:
        numbers = numbers[:4]
    is_shape = len(numbers) == 4 or (len(numbers) >= 6 and len(numbers) % 2 == 0)
    if not (is_shape and index >= 0 and index == math.floor(index) and index < MAX_CLASSES and all(map(math.isfinite, numbers))):
        shown = " ".join(fields)[:60]
        raise BrokenAnnotation("annotation_wrong_format", f"YOLO lines are `class x y width height`, parts of the picture; not {shown!r}.")
    return int(index), numbers


def _corners(numbers: list[float]) -> list[float]:
    x, y, width, height = numbers
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def _yaml_names(text: str) -> dict[int, str]:
    """The value of `names`: only the three forms that tools write, without a YAML parser (files come from outside)."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return {}
    inline = lines[start].partition(":")[2].strip()
    if inline and not inline.startswith("#"):
        end = next((i for i in range(start, len(lines)) if re.search(r"[\]}]\s*(#.*)?$", lines[i])), start)
        return _inline_names(" ".join([inline, *lines[start + 1 : end + 1]]))
    names: dict[int, str] = {}
    for line in lines[start + 1 :]:
        entry = _ENTRY.match(line)
        if entry is None and line.strip() and not line.lstrip().startswith("#"):
            break
        if entry is not None:
            names[int(entry[1]) if entry[1] else len(names)] = _unquoted(entry[2])
    return names


def _inline_names(value: str) -> dict[int, str]:
    """`['a', "b", c]` or `{0: a, 1: 'b'}`."""
    items = [_unquoted(found[0].strip()) for found in _INLINE.finditer(value) if found[0].strip()]
    if not value.startswith("{"):
        return dict(enumerate(items))
    pairs = re.findall(r"(\d+)\s*:\s*('(?:[^']|'')*'|\"[^\"]*\"|[^,}]+)", value)
    return {int(index): _unquoted(name.strip()) for index, name in pairs}


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
    return text.partition(" #")[0].strip()
