"""Labelled boxes on a picture. See README.md for layouts, limits and measured results."""

from __future__ import annotations

from droplearn.scenarios.object_detection.dataset import check, pair, recognise
from droplearn.scenarios.object_detection.spec import SPEC
from droplearn.scenarios.scenario import Scenario

OBJECT_DETECTION = Scenario(
    spec=SPEC,
    recognise=recognise,
    check=check,
    training="droplearn.scenarios.object_detection.training",
    evaluation="droplearn.scenarios.object_detection.evaluation",
    serving="droplearn.scenarios.object_detection.serving",
    standalone="droplearn.scenarios.object_detection.standalone",
    pair=pair,
)
