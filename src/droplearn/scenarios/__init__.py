"""The registry of scenarios. Importing it loads data and pure functions only."""

from __future__ import annotations

from collections.abc import Iterable

from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import UnsupportedScenario
from droplearn.scenarios.image_classification import IMAGE_CLASSIFICATION
from droplearn.scenarios.scenario import Registry, Scenario

SCENARIOS: Registry = {
    s.name: s
    for s in (
        IMAGE_CLASSIFICATION,
    )
}  # fmt: skip


def scenario_named(name: str) -> Scenario:
    """Raises UnsupportedScenario (`scenario.unknown`)."""
    if name not in SCENARIOS:
        raise UnsupportedScenario("scenario.unknown", f"There is no scenario {name!r}.", hint=f"Choose one of: {', '.join(SCENARIOS)}.")
    return SCENARIOS[name]


def infer_scenario(paths: Iterable[str]) -> Scenario | None:
    """The first scenario that finds annotated pictures, else a label in one of the paths, else something to use; else None."""
    known = list(paths)
    for scenario in SCENARIOS.values():
        if scenario.pair is not None:
            seen = [(path, scenario.recognise(path, 1).status) for path in known]
            pictures, files = ([p for p, status in seen if status is s] for s in (ExampleStatus.UNLABELLED, ExampleStatus.ANNOTATION))
            if scenario.pair(pictures, files):
                return scenario
    for wanted in (ExampleStatus.LABELLED, ExampleStatus.UNLABELLED):
        for scenario in SCENARIOS.values():
            if any(scenario.recognise(path, 1).status is wanted for path in known):
                return scenario
    return None
