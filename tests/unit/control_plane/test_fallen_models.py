"""A model that is worse than its base model on the old labels goes into use by somebody's word only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.prices import prices
from chalicelib.service.estimating import estimate_service
from chalicelib.service.services import ServiceOrder, create_service
from chalicelib.service.versions import VersionOrder, add_version
from chalicelib.steps import start_deployment
from droplearn.contracts.errors import Conflict
from droplearn.contracts.model import BaseModelComparison
from tests.unit.control_plane.test_service_versions import NEW, running
from tests.unit.control_plane.things import PROJECT, a_model, a_platform, a_task

BASE = "model-" + "9" * 26
COMPARED = BaseModelComparison(model_id=BASE, example_count=120, accuracy_before=0.925, accuracy_after=0.85, has_fallen=True)
A_FALL = COMPARED.model_dump(mode="json")
KEPT = A_FALL | {"accuracy_after": 0.925, "has_fallen": False}


def order(model: str, **fields: Any) -> ServiceOrder:
    return ServiceOrder(project=PROJECT, model=model, **fields)


def refused(do: Callable[..., Any], *given: Any) -> Conflict:
    with pytest.raises(Conflict) as caught:
        do(*given)
    assert caught.value.code == "model.has_fallen"
    return caught.value


def test_its_deployment_is_refused_with_both_figures_and_a_way_on():
    platform = a_platform()
    told = refused(create_service, platform, order(a_model(platform, base_model=A_FALL).id))
    assert f"base model {BASE}" in told.message
    assert "top1_accuracy 0.925 before, 0.85 now, on 120 old examples" in told.message
    assert "--accept-fall" in told.hint
    assert told.details["accuracy_after"] == 0.85
    assert not platform.services.known
    assert not platform.executions.started


def test_whoever_accepts_the_fall_deploys_it():
    platform = a_platform()
    model = a_model(platform, base_model=A_FALL)
    assert create_service(platform, order(model.id, accept_fall=True)).service.model == model.id


@pytest.mark.parametrize("base_model", [None, KEPT])
def test_a_model_that_has_not_fallen_needs_no_word(base_model: dict[str, Any] | None):
    platform = a_platform()
    assert create_service(platform, order(a_model(platform, base_model=base_model).id)).secret


def test_an_estimate_refuses_what_the_deployment_would():
    platform = a_platform()
    model, table = a_model(platform, base_model=A_FALL), prices(platform.settings.instance_prices)
    refused(estimate_service, platform, order(model.id), table)
    assert estimate_service(platform, order(model.id, accept_fall=True), table)["model"] == model.id


def test_as_a_version_it_leaves_the_service_as_it_is_until_the_fall_is_accepted():
    platform = a_platform()
    service, _ = running(platform)
    a_model(platform, id=NEW, number=2, base_model=A_FALL)
    before = platform.services.get(service.id)
    refused(add_version, platform, service.id, VersionOrder(NEW, share=0.1))
    assert platform.services.get(service.id) == before
    assert add_version(platform, service.id, VersionOrder(NEW, share=0.1, accept_fall=True)).what["model"] == NEW


def test_a_tasks_own_deployment_of_it_becomes_a_warning_of_the_task(monkeypatch: pytest.MonkeyPatch):
    platform = a_platform()
    task, model = a_task(platform, "EVALUATING"), a_model(platform, base_model=A_FALL)
    monkeypatch.setattr(start_deployment, "platform", lambda: platform)
    for _ in range(2):
        refused(start_deployment.handle, {"task_id": task.id, "attempt": 1, "model_id": model.id})
    (warning,) = platform.tasks.get(task.id).warnings
    assert warning.startswith("The model was not deployed: ")
    assert "0.925 before, 0.85 now" in warning
    assert not platform.services.known


def test_a_comparison_of_an_earlier_release_has_no_metric():
    platform = a_platform()
    earlier = {name: value for name, value in A_FALL.items() if name != "metric"}
    assert "top1_accuracy" in refused(create_service, platform, order(a_model(platform, base_model=earlier).id)).message
