"""Projects are deleted whole, and nothing that comes meanwhile leaves half of one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.dataset import Dataset
from chalicelib.domain.project import Project
from chalicelib.domain.strategy import Filter, Strategy
from chalicelib.domain.times import text_of
from chalicelib.service import budgets, catalogue, evaluations, preview_links, quiet_period, trials
from chalicelib.service.batch_jobs import BatchOrder, create_batch_job
from chalicelib.service.deleting_projects import HELD_S, WRITERS_S, ask_to_delete_project, delete_project
from chalicelib.service.indexing import Message, index_messages
from chalicelib.service.services import ServiceOrder, create_service
from chalicelib.service.tasks import TaskOrder, create_task, restart_task
from droplearn.contracts.dataset import DatasetVersion
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound, TransientError
from droplearn.contracts.ids import model_id_of
from droplearn.contracts.training import TaskSettings
from tests.drop_events import NOW, drop_event
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform, a_task, fill, write_network


def always() -> bool:
    return True


def times(number: int) -> Callable[[], bool]:
    """There is time for so many looks at the clock."""
    looks = count()
    return lambda: next(looks) < number


@pytest.fixture
def platform() -> FakePlatform:
    """With a project in which much has been, and another one."""
    made = a_platform()
    made.projects.add(Project(name="another", scenario="image_classification", created_at=NOW))
    made.datasets.add(Dataset(project="another", name=DATASET, created_at=NOW))
    made.dropped.objects = {f"{PROJECT}/{DATASET}/cat/0.jpg": b"mine"}
    budgets.set_budget(made, PROJECT, 1000.0, "token-x")
    task = a_task(made, "SUCCEEDED", dataset_version="v-mine")
    model = a_model(made, id=model_id_of(task.id), task=task.id)
    write_network(made, model)
    evaluation = evaluations.create_evaluation(made, model.id, PROJECT, DATASET)
    made.evaluations.change(evaluation.id, {"status": "SUCCEEDED", "ended_at": NOW, "dataset_version": "v-another"})
    trials.try_model(made, trials.TrialOrder(model.id, b"x", "image/jpeg"), 5)
    preview_links.create_link(made, model.id, 3600, "token-x")
    job = create_batch_job(made, BatchOrder(project=PROJECT, model=model.id, dataset=DATASET))
    service = create_service(made, ServiceOrder(project=PROJECT, model=model.id)).service
    made.batch_jobs.change(job.id, {"status": "SUCCEEDED"})
    made.services.change(service.id, {"status": "STOPPED"})
    made.strategies.add(Strategy(PROJECT, "s", "custom", NOW))
    made.filters.add(Filter(PROJECT, "f", "item", NOW, {}))
    for version, project in (("v-mine", PROJECT), ("v-another", "another")):
        made.artifacts.write(f"versions/{version}/version.json", a_version(version, project))
        made.artifacts.write(f"versions/{version}/examples.jsonl", b"{}")
    names = (f"tasks/{task.id}/output/m", f"evaluations/{evaluation.id}/r", f"batch/{job.id}/a1/i", f"infer-result-{job.id}/r")
    for key in (*names, f"services/{service.id}/c/versions.json", f"service-tests/{service.id}/t.json"):
        made.artifacts.write(key, b"")
    return made


def a_version(version: str, project: str) -> bytes:
    made = DatasetVersion(
        version_id=version,
        project=project,
        dataset=DATASET,
        scenario="image_classification",
        source_uri=f"s3://data/{project}/{DATASET}/",
        created_at=NOW,
        labels=[],
        label_counts={},
        split_counts={},
        size_bytes=0,
    )
    return made.to_json().encode()


def ask(platform: FakePlatform, confirm: str = PROJECT) -> Project:
    return ask_to_delete_project(platform, PROJECT, confirm)


def kept(platform: FakePlatform) -> list[str]:
    """Records that name the project, its artifacts, its examples."""
    kinds = {name: kind for name, kind in vars(platform).items() if hasattr(kind, "record_type")}
    kinds = {name: kind for name, kind in kinds.items() if name not in ("tokens", "requests", "live_services", "sweeps")}
    named = [f"{name} {key}" for name, kind in kinds.items() for key, record in kind.known.items() if f"'{PROJECT}'" in repr(record)]
    services = [f"{name} {key}" for name in ("service_events", "service_versions") for key in kinds[name].known]
    return [*named, *services, *platform.artifacts.objects, *(key for key in platform.examples.examples if key[0] == PROJECT)]


def drop(platform: FakePlatform, at: str, path: str = "cat/new.jpg") -> Any:
    return index_messages(platform, [Message("m1", drop_event(f"{PROJECT}/{DATASET}/{path}", 7, at=at))], lambda _: None)


def test_nothing_is_left_of_a_deleted_project_but_what_was_dropped(platform: FakePlatform):
    before = dict(platform.dropped.objects)
    assert ask(platform).deleting_since
    machine, name, given = platform.executions.started[-1]
    assert (machine, given) == ("delete", {"project": PROJECT, "wait_s": WRITERS_S + 1})
    assert name.isascii()
    platform.pass_time(given["wait_s"])
    assert delete_project(platform, PROJECT, always)
    assert sorted(kept(platform)) == ["versions/v-another/examples.jsonl", "versions/v-another/version.json"]
    assert (platform.dropped.objects, set(platform.projects.known)) == (before, {"another"})
    assert delete_project(platform, PROJECT, always), "late and double steps do no harm"
    with pytest.raises(NotFound, match=r"project\.unknown"):
        ask(platform)


@pytest.mark.parametrize("looks", range(0, 30, 3))
def test_a_deletion_that_was_cut_off_goes_on(platform: FakePlatform, looks: int):
    ask(platform)
    platform.pass_time(WRITERS_S + 1)
    while not delete_project(platform, PROJECT, times(looks + 1)):
        assert platform.projects.get(PROJECT).deleting_since, "the mark goes last"
        looks += 1
    assert sorted(kept(platform)) == ["versions/v-another/examples.jsonl", "versions/v-another/version.json"]


def test_it_must_be_confirmed_by_name(platform: FakePlatform):
    for wrong in ("", "Zoo", "another"):
        with pytest.raises(InvalidRequest, match=r"project\.not_confirmed"):
            ask(platform, wrong)
    assert platform.projects.get(PROJECT).deleting_since is None


@pytest.mark.parametrize(
    ("kind", "status"), [("tasks", "TRAINING"), ("batch_jobs", "RUNNING"), ("services", "RUNNING"), ("evaluations", "RUNNING")]
)
def test_a_project_in_which_something_runs_is_not_deleted(platform: FakePlatform, kind: str, status: str):
    records = getattr(platform, kind)
    (id_,) = records.known
    records.change(id_, {"status": status})
    with pytest.raises(Conflict) as refused:
        ask(platform)
    assert (refused.value.code, refused.value.details) == ("project.in_use", {"used_by": [id_]})


def test_a_service_whose_endpoint_is_not_gone_still_runs(platform: FakePlatform):
    (id_,) = platform.services.known
    platform.endpoints.known[id_] = object()
    with pytest.raises(Conflict, match=id_):
        ask(platform)


def test_nothing_begins_in_a_project_that_is_being_deleted(platform: FakePlatform):
    (model,), (task,) = platform.models.known, platform.tasks.known
    platform.tasks.change(task, {"status": "FAILED"})
    ask(platform)
    begun: list[Callable[[], Any]] = [
        lambda: create_task(platform, TaskOrder(PROJECT, DATASET, TaskSettings())),
        lambda: restart_task(platform, task),
        lambda: create_service(platform, ServiceOrder(project=PROJECT, model=model)),
        lambda: create_batch_job(platform, BatchOrder(project=PROJECT, model=model, dataset=DATASET)),
        lambda: evaluations.create_evaluation(platform, model, PROJECT, DATASET),
        lambda: preview_links.create_link(platform, model, 3600, "token-x"),
        lambda: trials.try_model(platform, trials.TrialOrder(model, b"x", "image/jpeg"), 5),
        lambda: catalogue.create_dataset(platform, PROJECT, "more"),
        lambda: catalogue.create_project(platform, PROJECT, "ocr"),
        lambda: budgets.set_budget(platform, PROJECT, 1.0, "token-x"),
    ]
    for begin in begun:
        with pytest.raises(Conflict, match=r"project\.being_deleted"):
            begin()


def test_who_read_the_project_before_the_mark_is_waited_for(platform: FakePlatform):
    ask(platform)
    platform.pass_time(WRITERS_S - 10)
    before = kept(platform)
    with pytest.raises(TransientError, match=r"project\.deletion_waits"):
        delete_project(platform, PROJECT, always)
    assert kept(platform) == before
    ask(platform)
    assert platform.executions.started[-1][2]["wait_s"] == 11


def test_of_two_that_delete_the_same_project_one_waits_for_the_other(platform: FakePlatform):
    """Else the slower one would delete the new project of this name, too."""
    ask(platform)
    platform.pass_time(WRITERS_S + 1)

    def interrupted() -> bool:
        with pytest.raises(TransientError, match=r"project\.deletion_waits"):
            delete_project(platform, PROJECT, always)
        return True

    assert delete_project(platform, PROJECT, interrupted)
    drop(platform, text_of(platform.now()))
    assert delete_project(platform, PROJECT, always)
    assert (PROJECT, DATASET) in platform.examples.examples


def test_one_that_was_cut_off_and_could_not_say_so_is_not_waited_for_for_ever(platform: FakePlatform):
    ask(platform)
    platform.pass_time(WRITERS_S + 1)

    def killed() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        delete_project(platform, PROJECT, killed)
    platform.projects.change(PROJECT, {"deleted_until": text_of(platform.now() + timedelta(seconds=HELD_S))})
    with pytest.raises(TransientError):
        delete_project(platform, PROJECT, always)
    platform.pass_time(HELD_S)
    assert delete_project(platform, PROJECT, always)


def test_the_same_request_in_the_next_project_of_this_name_starts_a_new_task(platform: FakePlatform):
    order = TaskOrder(PROJECT, DATASET, TaskSettings(), request_key="k", caller="droplearn.yaml")
    first = create_task(platform, order)
    assert create_task(platform, order).id == first.id
    platform.tasks.change(first.id, {"status": "FAILED"})
    ask(platform)
    platform.pass_time(WRITERS_S + 1)
    assert delete_project(platform, PROJECT, always)
    drop(platform, text_of(platform.now()))
    assert create_task(platform, order).id != first.id


def test_what_began_at_the_same_moment_goes_on_and_the_deletion_is_given_up(platform: FakePlatform):
    ask(platform)
    (task,) = platform.tasks.known
    platform.tasks.change(task, {"status": "TRAINING"})
    platform.pass_time(WRITERS_S + 1)
    before = kept(platform)
    assert delete_project(platform, PROJECT, always)
    project = platform.projects.get(PROJECT)
    assert (kept(platform), project.deleting_since, task in project.deletion_problem) == (before, None, True)
    platform.tasks.change(task, {"status": "FAILED"})
    assert ask(platform).deletion_problem is None


# ---- drops -----------------------------------------------------------------------------------------------------------
def test_a_drop_into_a_project_that_is_being_deleted_makes_a_new_one_afterwards(platform: FakePlatform):
    ask(platform)
    platform.pass_time(5)
    at = text_of(platform.now())
    assert drop(platform, at).later == {"m1"}
    platform.pass_time(WRITERS_S)
    delete_project(platform, PROJECT, times(8))
    assert drop(platform, at).later == {"m1"}
    while not delete_project(platform, PROJECT, always):
        pass
    outcome = drop(platform, at)
    assert (outcome.later, outcome.failed, outcome.written) == (set(), set(), 1)
    assert list(platform.examples.examples[PROJECT, DATASET]) == ["cat/new.jpg"]
    assert platform.projects.get(PROJECT).model_count == 0


def test_what_was_dropped_before_a_deletion_and_is_told_late_is_deleted_with_it(platform: FakePlatform):
    at = text_of(platform.now())
    platform.pass_time(5)
    ask(platform)
    outcome = drop(platform, at)
    assert (outcome.later, outcome.failed, outcome.written) == (set(), set(), 0)


def test_a_quiet_period_that_ends_meanwhile_starts_nothing(platform: FakePlatform):
    fill(platform, {"bird": 5})
    platform.datasets.change(f"{PROJECT}/{DATASET}", {"config": {"train": {"quiet_period_s": 5}}, "quiet_token": "t"})
    ask(platform)
    platform.pass_time(60)
    assert quiet_period.check_quiet(platform, quiet_period.QuietMessage(PROJECT, DATASET, "t")) is None
