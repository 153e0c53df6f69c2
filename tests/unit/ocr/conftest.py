"""One reader for all tests of the scenario, and drawn pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from droplearn.scenarios.ocr.fields.layout import TextLine
from droplearn.scenarios.ocr.reading.detector import Detector
from droplearn.scenarios.ocr.reading.reader import Reader
from droplearn.scenarios.ocr.reading.recogniser import Recogniser
from droplearn.scenarios.ocr.sample import DrawnLine, draw_page
from droplearn.scenarios.ocr.training.networks import Networks, packed_networks


@dataclass(frozen=True)
class Drawn:
    """A page and what is on it."""

    pixels: Any
    lines: list[DrawnLine]
    values: dict[str, str]

    @property
    def text_lines(self) -> list[TextLine]:
        height, width = self.pixels.shape[:2]
        edges = (width, height, width, height)
        return [TextLine(line.text, *(v / side for v, side in zip(line.box, edges, strict=True))) for line in self.lines]


def drawn(seed: int, form: Any = "fields") -> Drawn:
    image, lines, values = draw_page(np.random.default_rng([9, seed]), form)
    return Drawn(np.asarray(image), lines, values)


@pytest.fixture(scope="session")
def networks() -> Networks:
    return packed_networks()


@pytest.fixture(scope="session")
def recogniser(networks: Networks) -> Recogniser:
    return Recogniser(networks.recogniser)


@pytest.fixture(scope="session")
def reader(networks: Networks, recogniser: Recogniser) -> Reader:
    return Reader(Detector(networks.detector, 640), recogniser)
