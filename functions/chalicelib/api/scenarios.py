"""`/v1/scenarios`: the registry, for any caller."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from chalicelib.api.views import View
from droplearn.contracts.errors import NotFound
from droplearn.scenarios import SCENARIOS
from droplearn.scenarios.scenario import ScenarioSpec

router: Router = Router()  # type: ignore[no-untyped-call]


class ScenarioList(View):
    """All scenarios."""

    scenarios: list[ScenarioSpec]


@router.get("/v1/scenarios", summary="List the scenarios", tags=["scenarios"])
def list_scenarios() -> ScenarioList:
    """What kinds of problems there are, with their presets, hyper-parameters and limits."""
    return ScenarioList(scenarios=[s.spec for s in SCENARIOS.values()])


@router.get("/v1/scenarios/<scenario>", summary="Get a scenario", tags=["scenarios"])
def get_scenario(scenario: str) -> ScenarioSpec:
    """One kind of problem."""
    if scenario not in SCENARIOS:
        raise NotFound("scenario.unknown", f"There is no scenario {scenario!r}.", hint=f"There are: {', '.join(SCENARIOS)}.")
    return SCENARIOS[scenario].spec
