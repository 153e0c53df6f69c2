"""Columns that a task names are looked for before its training job is paid for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.example import Example, Replacement
from chalicelib.service import column_check
from chalicelib.service.training_plan import plan_training
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidDataset, InvalidRequest
from droplearn.contracts.training import OptionValue, TaskSettings
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import DATASET, PROJECT, a_platform, a_task

CUSTOMERS = b"age,left\n" + b"1,yes\n2,no\n" * 10
LOG = b"who,item\n" + b"1,a\n2,b\n" * 10


def a_platform_of(scenario: str, tables: dict[str, bytes]) -> FakePlatform:
    platform = a_platform({})
    platform.projects.put(replace(platform.projects.get(PROJECT), scenario=scenario))
    changes = [Replacement(None, Example(path, ExampleStatus.LABELLED, "0001", path, len(body))) for path, body in tables.items()]
    platform.examples.write(PROJECT, DATASET, changes, {}, platform.now())
    platform.dropped.objects |= {f"{PROJECT}/{DATASET}/{path}": body for path, body in tables.items()}
    return platform


def plan(platform: FakePlatform, **options: OptionValue) -> None:
    task = a_task(platform, "PREPARING", settings=TaskSettings(options=options))
    plan_training(platform, task.id, 1, 1)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"target": "price"}, "option.unknown_column"),
        ({"ignore_columns": "age, price"}, "option.unknown_column"),
        ({"keep_columns": "price"}, "option.unknown_column"),
        ({"target": "age", "ignore_columns": "AGE"}, "option.invalid"),
        ({"problem": "regression", "metric": "macro_f1"}, "option.invalid"),
    ],
)
def test_what_the_tables_do_not_have_is_refused_with_what_they_have(options: dict[str, OptionValue], code: str):
    with pytest.raises(InvalidRequest) as refused:
        plan(a_platform_of("tabular_prediction", {"b.csv": CUSTOMERS, "a.csv": CUSTOMERS}), **options)
    assert refused.value.code == code
    assert refused.value.hint in (
        "The columns are: age, left.",
        "Change target or ignore_columns.",
        "Change option metric or option problem.",
    )


@pytest.mark.parametrize("options", [{}, {"target": "Age"}, {"target": "left", "metric": "macro_f1", "problem": "classification"}])
def test_what_the_tables_have_is_planned(options: dict[str, OptionValue]):
    plan(a_platform_of("tabular_prediction", {"a.csv": CUSTOMERS}), **options)


@pytest.mark.parametrize("table", [b"PAR1", "größe,b\n1,2\n".encode("cp1252")])
def test_where_the_names_are_not_sure_the_job_finds_out(table: bytes):
    plan(a_platform_of("tabular_prediction", {"a.csv": table}), target="size")


def test_an_object_that_is_gone_is_the_job_s_to_tell():
    platform = a_platform_of("tabular_prediction", {"a.csv": CUSTOMERS})
    platform.dropped.objects.clear()
    plan(platform, target="price")


def test_a_log_without_users_is_refused_unless_an_option_names_them():
    with pytest.raises(InvalidDataset, match=r"dataset\.no_user_column"):
        plan(a_platform_of("recommendation", {"a.csv": LOG}))
    plan(a_platform_of("recommendation", {"a.csv": LOG}), user="who")
    with pytest.raises(InvalidDataset, match=r"dataset\.no_time_column"):
        plan(a_platform_of("recommendation", {"a.csv": LOG}), user="who", time="when")
    with pytest.raises(InvalidDataset, match=r"dataset\.no_item_column"):
        plan(a_platform_of("recommendation", {"a.csv": LOG}), user="who", item="what")


def test_users_may_be_in_a_file_that_was_not_looked_into(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(column_check, "MAX_TABLES", 1)
    topics = b"item,genres\na,x\n"
    plan(a_platform_of("recommendation", {"a.csv": topics, "b.csv": LOG}))
    with pytest.raises(InvalidDataset, match=r"dataset\.no_user_column"):
        plan(a_platform_of("recommendation", {"a.csv": topics}))
