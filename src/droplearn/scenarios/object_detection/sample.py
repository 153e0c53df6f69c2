"""A made dataset: coloured shapes on textured grounds, annotated as VOC. For templates, demos and tests; made by code, free of rights."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"circle": (205, 45, 45), "square": (45, 165, 65), "triangle": (50, 75, 215)}
_WIDTH, _HEIGHT = 200, 150


class Shape(NamedTuple):
    """A label and its box in pixels."""

    label: str
    left: int
    top: int
    right: int
    bottom: int


class Scene(NamedTuple):
    """A JPEG and what is on it."""

    picture: bytes
    shapes: list[Shape]
    width: int = _WIDTH
    height: int = _HEIGHT


def write_sample(folder: Path, seed: int = 0, count: int = 40, labels: tuple[str, ...] = tuple(COLOURS)) -> Path:
    """`shape-<n>.jpg` and `shape-<n>.xml`; the last of ten pictures shows nothing and says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in sample_files(seed, count, labels).items():
        (folder / name).write_bytes(content)
    return folder


def sample_files(seed: int = 0, count: int = 40, labels: tuple[str, ...] = tuple(COLOURS)) -> dict[str, bytes]:
    """Name -> content."""
    files: dict[str, bytes] = {}
    for number, scene in enumerate(scenes(seed, count, labels)):
        files[f"shape-{number}.jpg"] = scene.picture
        files[f"shape-{number}.xml"] = voc_xml(f"shape-{number}.jpg", scene)
    return files


def scenes(seed: int, count: int, labels: tuple[str, ...] = tuple(COLOURS)) -> Iterator[Scene]:
    """One to three shapes each, that do not overlap; every tenth has none."""
    for number in range(count):
        random = np.random.default_rng((seed, number))
        yield scene(random, labels, 0 if number % 10 == 9 else int(random.integers(1, 4)), first=number)


def scene(random: np.random.Generator, labels: tuple[str, ...], shape_count: int, first: int = 0) -> Scene:
    """The first shape's label is that of number `first`, so that all labels are as frequent."""
    image = _ground(random)
    draw = ImageDraw.Draw(image)
    shapes: list[Shape] = []
    for place in range(shape_count):
        label = labels[(first + place) % len(labels)]
        for _ in range(20):
            shape = _shape(label, random)
            if all(_is_apart(shape, other) for other in shapes):
                _draw(draw, shape, random)
                shapes.append(shape)
                break
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return Scene(buffer.getvalue(), shapes)


def voc_xml(file_name: str, scene: Scene) -> bytes:
    """As annotation tools write it."""
    objects = "".join(
        f"  <object><name>{escape(s.label)}</name><truncated>0</truncated><difficult>0</difficult>"
        f"<bndbox><xmin>{s.left}</xmin><ymin>{s.top}</ymin><xmax>{s.right}</xmax><ymax>{s.bottom}</ymax></bndbox></object>\n"
        for s in scene.shapes
    )
    size = f"<size><width>{scene.width}</width><height>{scene.height}</height><depth>3</depth></size>"
    return f"<annotation>\n  <filename>{escape(file_name)}</filename>\n  {size}\n{objects}</annotation>\n".encode()


def _ground(random: np.random.Generator) -> Image.Image:
    """Soft grey blotches."""
    coarse = random.integers(90, 190, (6, 8, 1)) + random.integers(-12, 12, (6, 8, 3))
    return Image.fromarray(coarse.clip(0, 255).astype(np.uint8)).resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC)


def _shape(label: str, random: np.random.Generator) -> Shape:
    width = int(random.integers(35, 70))
    height = int(width * random.uniform(0.85, 1.15))
    left, top = int(random.integers(2, _WIDTH - width - 2)), int(random.integers(2, _HEIGHT - height - 2))
    return Shape(label, left, top, left + width, top + height)


def _is_apart(one: Shape, other: Shape) -> bool:
    return one.right < other.left or other.right < one.left or one.bottom < other.top or other.bottom < one.top


def _draw(draw: ImageDraw.ImageDraw, shape: Shape, random: np.random.Generator) -> None:
    base = COLOURS.get(shape.label, (150, 60, 170))
    colour = tuple(int(np.clip(c + random.integers(-25, 25), 0, 255)) for c in base)
    box = (shape.left, shape.top, shape.right, shape.bottom)
    if shape.label == "square":
        draw.rectangle(box, fill=colour)
    elif shape.label == "triangle":
        draw.polygon([((shape.left + shape.right) / 2, shape.top), (shape.left, shape.bottom), (shape.right, shape.bottom)], fill=colour)
    else:
        draw.ellipse(box, fill=colour)
