"""The registry of scenarios. Importing it loads data and pure functions only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import UnsupportedScenario
from droplearn.scenarios.image_classification import IMAGE_CLASSIFICATION
from droplearn.scenarios.object_detection import OBJECT_DETECTION
from droplearn.scenarios.ocr import OCR
from droplearn.scenarios.recommendation import RECOMMENDATION
from droplearn.scenarios.scenario import Registry, Scenario
from droplearn.scenarios.sound_classification import SOUND_CLASSIFICATION
from droplearn.scenarios.tabular_prediction import TABULAR_PREDICTION

SCENARIOS: Registry = {
    s.name: s
    for s in (
        IMAGE_CLASSIFICATION,
        OBJECT_DETECTION,
        OCR,  # after detection: both have pictures with XML, so OCR has to be named
        TABULAR_PREDICTION,  # before the other scenario of tables: a dropped table is taken for this one
        RECOMMENDATION,
        SOUND_CLASSIFICATION,
    )
}  # fmt: skip


def scenario_named(name: str) -> Scenario:
    """Raises UnsupportedScenario (`scenario.unknown`)."""
    if name not in SCENARIOS:
        raise UnsupportedScenario("scenario.unknown", f"There is no scenario {name!r}.", hint=f"Choose one of: {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]


def infer_scenario(paths: Iterable[str]) -> Scenario | None:
    """The first scenario that finds a picture and an annotation file of one name, else a label in a path, else something to use.

    None when there is nothing of the kind.
    """
    known = list(paths)
    for scenario in SCENARIOS.values():
        if scenario.pair is not None:
            seen = [(path, scenario.recognise(path, 1).status) for path in known]
            pictures, files = ([p for p, status in seen if status is s] for s in (ExampleStatus.UNLABELLED, ExampleStatus.ANNOTATION))
            if any(PurePath(one).stem == PurePath(other).stem for one, other in scenario.pair(pictures, files).items()):
                return scenario
    for wanted in (ExampleStatus.LABELLED, ExampleStatus.UNLABELLED):
        for scenario in SCENARIOS.values():
            if any(scenario.recognise(path, 1).status is wanted for path in known):
                return scenario
    return None
