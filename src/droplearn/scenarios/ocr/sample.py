"""A sample dataset, drawn: `write_sample(folder, seed)`. Little receipts with fields, or pages of plain lines; Pillow's own font."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SampleForm = Literal["fields", "lines"]
_SHOPS = ("Blue Door Bakery", "Corner Books", "Green Leaf Garden", "Harbour Tools", "Old Mill Coffee", "Silver Thread Tailor")
_STREETS = ("Mill Lane", "High Street", "Station Road", "Park Avenue", "Quay Side")
_TOWNS = ("Ashford", "Brookfield", "Easton", "Kingsbridge", "Northwick")
_GOODS = ("Bread", "Coffee", "Paper", "Nails", "Thread", "Seeds", "Soap", "Candles", "Rope", "Honey")
_WIDTH, _LEFT = 420, 20


@dataclass(frozen=True)
class DrawnLine:
    """Text, its field (`text`: none), and its box in pixels."""

    text: str
    field: str
    box: tuple[int, int, int, int]


def write_sample(folder: Path, seed: int = 0, count: int = 12, form: SampleForm = "fields") -> Path:
    """`page-00.jpg`, `page-00.xml`, ...; of the form `fields` also a JSON with the values. About 20 ms a page."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        image, lines, values = draw_page(rng, form)
        stem = folder / f"page-{number:02d}"
        image.save(stem.with_suffix(".jpg"), quality=92)
        stem.with_suffix(".xml").write_text(voc_xml(stem.with_suffix(".jpg").name, image.size, lines, form), "utf-8")
        if form == "fields":
            stem.with_suffix(".json").write_text(json.dumps(values), "utf-8")
    return folder


def draw_page(rng: np.random.Generator, form: SampleForm = "fields") -> tuple[Image.Image, list[DrawnLine], dict[str, str]]:
    """A page, its lines, and the values of its fields."""
    wanted = _receipt(rng) if form == "fields" else [(_sentence(rng), "text") for _ in range(4)]
    font = ImageFont.load_default(float(rng.integers(20, 25)))
    paper = int(rng.integers(225, 256))
    image = Image.new("RGB", (_WIDTH, 24 + 36 * len(wanted)), (paper, paper, paper))
    draw, lines, top = ImageDraw.Draw(image), list[DrawnLine](), 14
    for text, field in wanted:
        left, y0, right, y1 = draw.textbbox((_LEFT, top), text, font)
        draw.text((_LEFT, top), text, (20, 20, 20), font)
        lines.append(DrawnLine(text, field, (int(left) - 2, int(y0) - 2, int(right) + 3, int(y1) + 3)))
        top += 36
    values = {field: " ".join(line.text for line in lines if line.field == field) for field in ("company", "address")}
    values |= {line.field: line.text.split()[-1] for line in lines if line.field in ("date", "total")}
    return image, lines, {name: value for name, value in values.items() if value}


def voc_xml(name: str, size: tuple[int, int], lines: list[DrawnLine], form: SampleForm) -> str:
    """With the field in `<name>` and the text in `<text>`, or with the text in `<name>`."""
    objects = []
    for line in lines:
        said = f"<name>{line.field}</name><text>{escape(line.text)}</text>" if form == "fields" else f"<name>{escape(line.text)}</name>"
        edges = "".join(f"<{tag}>{v}</{tag}>" for tag, v in zip(("xmin", "ymin", "xmax", "ymax"), line.box, strict=True))
        objects.append(f"<object>{said}<difficult>0</difficult><bndbox>{edges}</bndbox></object>")
    head = f"<filename>{name}</filename><size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    return f"<annotation>{head}{''.join(objects)}</annotation>"


def _receipt(rng: np.random.Generator) -> list[tuple[str, str]]:
    cents = [int(v) for v in rng.integers(100, 3000, rng.integers(1, 3))]
    date = f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{rng.integers(2015, 2027)}"
    goods = [(f"{rng.choice(_GOODS)}  {value / 100:.2f}", "text") for value in cents]
    return [
        (str(rng.choice(_SHOPS)), "company"),
        (f"{rng.integers(1, 99)} {rng.choice(_STREETS)},", "address"),
        (f"{rng.integers(10000, 99999)} {rng.choice(_TOWNS)}", "address"),
        (f"Date {date}", "date"),
        *goods,
        (f"Total {sum(cents) / 100:.2f}", "total"),
    ]


def _sentence(rng: np.random.Generator) -> str:
    words = [str(rng.choice(_GOODS)), str(rng.choice(_STREETS)), str(rng.choice(_TOWNS)), str(rng.integers(1, 10000))]
    return " ".join(words[i] for i in rng.permutation(4)[: rng.integers(2, 4)])
