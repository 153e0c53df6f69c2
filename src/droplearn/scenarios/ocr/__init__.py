"""Text on pages, and the key fields of forms. See README.md for layouts, options, limits and measured results."""

from __future__ import annotations

from droplearn.scenarios.ocr.dataset import check, pair, recognise
from droplearn.scenarios.ocr.spec import SPEC
from droplearn.scenarios.scenario import Scenario

OCR = Scenario(
    spec=SPEC,
    recognise=recognise,
    check=check,
    training="droplearn.scenarios.ocr.training",
    evaluation="droplearn.scenarios.ocr.evaluation",
    serving="droplearn.scenarios.ocr.serving",
    pair=pair,
)
