"""Models are deleted whole, whoever is cut off or comes at the same time, and never while something uses them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.model import Model
from chalicelib.domain.prices import prices
from chalicelib.domain.service_version import ServiceUpdate, ServiceVersion
from chalicelib.service import budgets, evaluations, exporting, preview_links, trials
from chalicelib.service.batch_jobs import BatchOrder, create_batch_job, restart_batch_job
from chalicelib.service.deleting_models import ask_to_delete_model, delete_model
from chalicelib.service.estimating import estimate_service, estimate_task
from chalicelib.service.finding import find_model
from chalicelib.service.model_claims import claim_model
from chalicelib.service.services import ServiceOrder, create_service
from chalicelib.service.tasks import TaskOrder, create_task, restart_task
from chalicelib.service.versions import VersionOrder, add_version
from chalicelib.steps import start_deployment
from droplearn.contracts.errors import Conflict, NotFound, TransientError
from droplearn.contracts.ids import model_id_of
from droplearn.contracts.status import ServiceStatus
from droplearn.contracts.training import TaskSettings
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform, a_task, write_network

USER = "token-x"


@pytest.fixture
def platform() -> FakePlatform:
    return a_platform()


@pytest.fixture
def model(platform: FakePlatform) -> Model:
    """Of a task that is over."""
    task = a_task(platform, "SUCCEEDED")
    made = a_model(platform, id=model_id_of(task.id), task=task.id, artifact_uri=f"s3://artifacts/tasks/{task.id}/output/model.tar.gz")
    platform.artifacts.write(f"tasks/{task.id}/output/model.tar.gz", b"archive")
    write_network(platform, made)
    return made


def always() -> bool:
    return True


def times(number: int) -> Callable[[], bool]:
    """There is time for so many looks at the clock."""
    looks = count()
    return lambda: next(looks) < number


def all_of(platform: FakePlatform, model: Model) -> list[str]:
    """Everything in bucket and table that names the model, but for its task."""
    kinds = (platform.models, platform.evaluations, platform.preview_links, platform.trials, platform.trial_calls)
    return [*platform.artifacts.objects, *(key for kind in kinds for key, record in kind.known.items() if model.id in repr(record))]


def filled(platform: FakePlatform, model: Model) -> preview_links.Made:
    """With an evaluation, a trial, an export and a link."""
    evaluation = evaluations.create_evaluation(platform, model.id, PROJECT, DATASET)
    platform.artifacts.write(f"evaluations/{evaluation.id}/report/report.json", b"{}")
    platform.artifacts.write(f"evaluation-inputs/{evaluation.id}/images.manifest", b"[]")
    platform.pass_time(3600)
    platform.evaluations.change(evaluation.id, {"status": "SUCCEEDED", "ended_at": platform.now().isoformat()})
    trials.try_model(platform, trials.TrialOrder(model.id, b"picture", "image/jpeg"), 5)
    exporting.export_model(platform, model.id, "onnx")
    return preview_links.create_link(platform, model.id, 3600, USER)


def test_nothing_is_left_of_a_deleted_model_but_what_others_say(platform: FakePlatform, model: Model):
    link = filled(platform, model)
    platform.artifacts.write("tasks/task-another/output/model.tar.gz", b"another's")
    assert ask_to_delete_model(platform, model.id).deleting_since
    machine, _, given = platform.executions.started[-1]
    assert (machine, given) == ("delete", {"model_id": model.id})
    assert delete_model(platform, model.id, always)
    assert all_of(platform, model) == ["tasks/task-another/output/model.tar.gz"]
    assert platform.tasks.get(model.task).model_deleted_at
    with pytest.raises(NotFound, match=r"model\.deleted"):
        find_model(platform, model.id)
    with pytest.raises(NotFound, match=r"preview\.unknown"):
        preview_links.open_link(platform, link.signed)
    with pytest.raises(NotFound, match=r"model\.deleted"):
        ask_to_delete_model(platform, model.id)
    assert delete_model(platform, model.id, always), "late and double steps do no harm"


@pytest.mark.parametrize("looks", range(8))
def test_a_deletion_that_was_cut_off_goes_on(platform: FakePlatform, model: Model, looks: int):
    filled(platform, model)
    ask_to_delete_model(platform, model.id)
    assert not delete_model(platform, model.id, times(looks))
    assert platform.models.get(model.id).deleting_since, "the mark goes last"
    ask_to_delete_model(platform, model.id)
    assert delete_model(platform, model.id, always)
    assert all_of(platform, model) == []


def test_an_error_in_the_middle_leaves_the_mark(platform: FakePlatform, model: Model, monkeypatch: pytest.MonkeyPatch):
    filled(platform, model)
    ask_to_delete_model(platform, model.id)
    with monkeypatch.context() as broken:

        def fail(_keys: Any) -> None:
            raise TransientError("aws.unavailable", "SlowDown")

        broken.setattr(platform.artifacts, "remove", fail)
        with pytest.raises(TransientError):
            delete_model(platform, model.id, always)
    assert platform.models.get(model.id).deleting_since
    assert delete_model(platform, model.id, always)
    assert all_of(platform, model) == []


def test_a_step_deletes_nothing_that_is_not_marked(platform: FakePlatform, model: Model):
    assert delete_model(platform, model.id, always)
    assert platform.models.get(model.id) == model


def a_service(platform: FakePlatform, model: Model) -> str:
    return create_service(platform, ServiceOrder(project=PROJECT, model=model.id)).service.id


def a_batch_job(platform: FakePlatform, model: Model) -> str:
    return create_batch_job(platform, BatchOrder(project=PROJECT, model=model.id, dataset=DATASET)).id


def an_evaluation(platform: FakePlatform, model: Model) -> str:
    return evaluations.create_evaluation(platform, model.id, PROJECT, DATASET).id


def a_later_task(platform: FakePlatform, model: Model) -> str:
    return create_task(platform, TaskOrder(PROJECT, DATASET, TaskSettings(base_model=model.id))).id


@pytest.mark.parametrize("use", [a_service, a_batch_job, an_evaluation, a_later_task])
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_model_in_use_is_not_deleted(
    platform: FakePlatform, model: Model, use: Callable[[FakePlatform, Model], str], is_listed: bool, monkeypatch: pytest.MonkeyPatch
):
    user = use(platform, model)
    if is_listed:
        platform.pass_time(3600)
    else:
        monkeypatch.setattr("chalicelib.service.model_uses.listed", lambda *_: [])
    with pytest.raises(Conflict) as refused:
        ask_to_delete_model(platform, model.id)
    assert (refused.value.code, refused.value.details) == ("model.in_use", {"used_by": [user]})
    assert platform.models.get(model.id).deleting_since is None
    for kind in (platform.services, platform.batch_jobs, platform.evaluations, platform.tasks):
        kind.change(user, {"status": "FAILED"})
    assert ask_to_delete_model(platform, model.id).deleting_since


def test_a_version_that_answers_or_is_on_its_way_uses_its_model(platform: FakePlatform, model: Model):
    first = a_model(platform, id="model-first", task="task-first")
    service = a_service(platform, first)
    platform.services.change(service, {"status": ServiceStatus.RUNNING.value})
    update = add_version(platform, service, VersionOrder(model.id, share=0.5))
    platform.pass_time(3600)
    with pytest.raises(Conflict, match=r"model\.in_use"):
        ask_to_delete_model(platform, model.id)
    platform.services.change(service, {"updating": None, "weights": {"v1": 0.5, "v2": 0.5}})
    platform.service_updates.change(update.id, {"outcome": "done"})
    for used in (model, first):
        with pytest.raises(Conflict, match=service):
            ask_to_delete_model(platform, used.id)
    platform.services.change(service, {"weights": {"v1": 1.0}})
    assert ask_to_delete_model(platform, model.id).deleting_since


@pytest.mark.parametrize("status", ["TRAINING", "OPTIMISING", "EVALUATING"])
def test_a_model_whose_task_still_works_on_it_is_not_deleted(platform: FakePlatform, model: Model, status: str):
    platform.tasks.change(model.task, {"status": status})
    with pytest.raises(Conflict, match=model.task):
        ask_to_delete_model(platform, model.id)


def test_a_task_whose_model_is_deleted_is_not_restarted(platform: FakePlatform, model: Model):
    platform.tasks.change(model.task, {"status": "STOPPED_WITH_MODEL"})
    ask_to_delete_model(platform, model.id)
    with pytest.raises(Conflict, match=r"task\.model_deleted"):
        restart_task(platform, model.task)


def test_of_a_restart_and_a_deletion_at_the_same_time_one_is_refused(platform: FakePlatform, model: Model, monkeypatch: pytest.MonkeyPatch):
    platform.tasks.change(model.task, {"status": "STOPPED_WITH_MODEL"})
    monkeypatch.setattr("chalicelib.service.deleting_models.uses_of_model", lambda *_: restart_task(platform, model.task) and [])
    with pytest.raises(Conflict, match=r"model\.in_use"):
        ask_to_delete_model(platform, model.id)
    assert platform.models.get(model.id).deleting_since is None
    assert platform.tasks.get(model.task).model_deleted_at is None


@pytest.mark.parametrize("use", [a_service, a_batch_job, an_evaluation, a_later_task])
def test_of_a_start_and_a_deletion_at_the_same_time_one_is_refused(
    platform: FakePlatform, model: Model, use: Callable[[FakePlatform, Model], str], monkeypatch: pytest.MonkeyPatch
):
    """The start claims the model after the deletion has looked, and before it has marked."""
    real, started = find_model, []

    def look(given: FakePlatform, found: Model) -> list[str]:
        if not started:
            started.append(use(given, found))
            return []
        return started

    monkeypatch.setattr("chalicelib.service.deleting_models.uses_of_model", look)
    with pytest.raises(Conflict, match=r"model\.in_use"):
        ask_to_delete_model(platform, model.id)
    assert real(platform, model.id).deleting_since is None


@pytest.mark.parametrize(
    "use",
    [
        a_service,
        a_batch_job,
        an_evaluation,
        a_later_task,
        lambda platform, model: preview_links.create_link(platform, model.id, 3600, USER),
        lambda platform, model: trials.try_model(platform, trials.TrialOrder(model.id, b"x", "image/jpeg"), 5),
        lambda platform, model: exporting.export_model(platform, model.id, "onnx"),
    ],
)
def test_nothing_begins_with_a_model_that_is_being_deleted(platform: FakePlatform, model: Model, use: Any):
    ask_to_delete_model(platform, model.id)
    before = {name: len(kind.known) for name, kind in vars(platform).items() if hasattr(kind, "record_type")}
    with pytest.raises(Conflict, match=r"model\.being_deleted"):
        use(platform, model)
    after = {name: len(kind.known) for name, kind in vars(platform).items() if hasattr(kind, "record_type")}
    assert before == after


def test_a_trial_that_is_being_answered_keeps_its_model(platform: FakePlatform, model: Model, monkeypatch: pytest.MonkeyPatch):
    refused: list[str] = []

    def answer(_question: Any) -> Any:
        with pytest.raises(Conflict) as error:
            ask_to_delete_model(platform, model.id)
        refused.append(error.value.code)
        raise TransientError("trial.failed", "It fell over.")

    monkeypatch.setattr(platform.trial_runner, "answer", answer)
    with pytest.raises(TransientError):
        trials.try_model(platform, trials.TrialOrder(model.id, b"x", "image/jpeg"), 5)
    assert refused == ["model.in_use"]
    assert ask_to_delete_model(platform, model.id).deleting_since, "a failed trial is over"


def test_who_died_before_there_was_a_record_does_not_keep_a_model_for_long(platform: FakePlatform, model: Model):
    claim_model(platform, model.id, "service-never-made")
    with pytest.raises(Conflict, match="service-never-made"):
        ask_to_delete_model(platform, model.id)
    platform.pass_time(61)
    assert ask_to_delete_model(platform, model.id).deleting_since


def test_a_batch_job_about_to_be_restarted_keeps_its_model(platform: FakePlatform, model: Model):
    job = a_batch_job(platform, model)
    platform.batch_jobs.change(job, {"status": "FAILED"})
    claim_model(platform, model.id, job, attempt=2)
    with pytest.raises(Conflict, match=job):
        ask_to_delete_model(platform, model.id)
    platform.pass_time(61)
    ask_to_delete_model(platform, model.id)
    assert delete_model(platform, model.id, always)
    with pytest.raises(NotFound, match=r"model\.deleted"):
        restart_batch_job(platform, job)
    assert platform.batch_jobs.get(job).status == "FAILED"


def test_the_month_costs_the_same_without_the_model(platform: FakePlatform, model: Model):
    budgets.set_budget(platform, PROJECT, 100.0, USER)
    filled(platform, model)
    before = budgets.show_budget(platform, PROJECT)
    assert before["spent_usd"] > 0
    ask_to_delete_model(platform, model.id)
    for looks in range(9):
        delete_model(platform, model.id, times(looks))
        assert budgets.show_budget(platform, PROJECT) == before
    assert platform.models.get(model.id) is None
    assert platform.evaluations.known == {}


def test_copies_for_services_of_shared_versions_are_deleted_with_the_model(platform: FakePlatform, model: Model):
    service = create_service(platform, ServiceOrder(project=PROJECT, model=model.id, placement="shared")).service
    other = a_model(platform, id="model-other", task="task-other")
    platform.services.change(service.id, {"status": "STOPPED", "version_count": 2})
    platform.service_versions.put(ServiceVersion(service.id, 1, model.id, "2026-01-01T00:00:00.000Z"))
    platform.service_versions.put(ServiceVersion(service.id, 2, other.id, "2026-01-01T00:00:00.000Z"))
    prefix = f"services/{service.id}/{service.id}-c1/"
    for name in ("versions.json", "v1/model.tar.gz", "v2/model.tar.gz"):
        platform.artifacts.write(prefix + name, b"")
    ask_to_delete_model(platform, model.id)
    assert delete_model(platform, model.id, always)
    kept = {key for key in platform.artifacts.objects if key.startswith("services/")}
    assert kept == {prefix + "v2/model.tar.gz", prefix + "versions.json"}


def test_a_number_is_never_given_again(platform: FakePlatform, model: Model):
    platform.projects.change(PROJECT, {"model_count": model.number})
    ask_to_delete_model(platform, model.id)
    delete_model(platform, model.id, always)
    assert platform.projects.increment(PROJECT, "model_count") == model.number + 1


def test_an_update_that_is_over_does_not_keep_the_model_of_a_service_that_is(platform: FakePlatform, model: Model):
    service = a_service(platform, model)
    platform.services.change(service, {"status": "STOPPED"})
    claim_model(platform, model.id, "update-1")
    platform.service_updates.put(ServiceUpdate("update-1", service, "version", USER, "2026-01-01T00:00:00.000Z", outcome="done"))
    assert ask_to_delete_model(platform, model.id).deleting_since


def test_a_model_that_too_many_start_with_at_once_is_worth_another_try(
    platform: FakePlatform, model: Model, monkeypatch: pytest.MonkeyPatch
):
    """A refusal for good would leave the task of `deploy: true` without its service."""
    monkeypatch.setattr(platform.models, "change", lambda *_, **__: None)
    monkeypatch.setattr(start_deployment, "platform", lambda: platform)
    given = {"task_id": model.task, "attempt": 1, "model_id": model.id}
    for ask in (lambda: start_deployment.handle(given), lambda: ask_to_delete_model(platform, model.id)):
        with pytest.raises(TransientError, match=r"model\.busy"):
            ask()
    assert platform.tasks.get(model.task).warnings == []


def test_an_estimate_refuses_what_is_being_deleted_as_the_start_would(platform: FakePlatform, model: Model):
    ask_to_delete_model(platform, model.id)
    table = prices(platform.settings.instance_prices)
    with pytest.raises(Conflict, match=r"model\.being_deleted"):
        estimate_service(platform, ServiceOrder(project=PROJECT, model=model.id), table)
    with pytest.raises(Conflict, match=r"model\.being_deleted"):
        estimate_task(platform, TaskOrder(PROJECT, DATASET, TaskSettings(base_model=model.id)), table)
