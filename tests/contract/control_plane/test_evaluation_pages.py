"""What a page about an evaluation asks the API for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from droplearn.contracts.evaluation import BadCase
from droplearn.contracts.status import Permission
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, an_evaluation
from trainer.evaluate import write_bad_cases

CASES = [
    BadCase(path="cat/a b.jpg", label="cat", predicted="dog", confidence=0.9),
    BadCase(path="invoice.jpg", label="total", predicted="wrong", confidence=0.8, truth="10", given="70"),
]


@pytest.fixture
def evaluation(fake_platform: Any, tmp_path: Path) -> str:
    a_model(fake_platform, id="model-x")
    an_evaluation(fake_platform, "eval-1", metrics={"top1_accuracy": 0.8})
    write_bad_cases(tmp_path, "eval-1", CASES)
    for file in tmp_path.iterdir():
        fake_platform.artifacts.objects[f"evaluations/eval-1/report/{file.name}"] = file.read_bytes()
    return "/v1/evaluations/eval-1"


def test_bad_cases_come_without_links_until_they_are_asked_for(call: Any, evaluation: str):
    plain = call("GET", f"{evaluation}/bad-cases")[1]["bad_cases"]
    assert [case["preview_url"] for case in plain] == [None, None]
    assert (plain[1]["truth"], plain[1]["given"]) == ("10", "70")
    shown = call("GET", f"{evaluation}/bad-cases", query="previews=true")[1]["bad_cases"]
    assert shown[0]["preview_url"] == f"https://data.example.com/{PROJECT}/{DATASET}/cat/a%20b.jpg?expires=900"


def test_links_need_the_permission_to_list_the_project_of_the_dataset(call: Any, evaluation: str, fake_platform: Any):
    fake_platform.evaluations.put(replace(fake_platform.evaluations.get("eval-1"), dataset_project="secret", dataset="d"))
    body = {"permissions": [Permission.LIST_PROJECT], "projects": [PROJECT]}
    token = call("POST", "/v1/tokens", body)[1]["token"]
    assert call("GET", f"{evaluation}/bad-cases", token=token)[0] == 200
    assert call("GET", f"{evaluation}/bad-cases", query="previews=true", token=token)[0] == 403


def test_bad_cases_are_counted_without_being_listed(call: Any, evaluation: str):
    found = call("GET", f"{evaluation}/bad-case-groups")[1]
    assert found["count"] == 2
    assert found["groups"][0] == {"label": "cat", "predicted": "dog", "count": 1}


def test_an_evaluation_tells_its_duration_counts_and_the_model_s_size(call: Any, evaluation: str, fake_platform: Any):
    summary = {"protocol": "test_split", "example_count": 20, "bad_case_count": 2, "skipped_count": 1, "duration_s": 3.5}
    more = {"model_size_bytes": 4_000_000, "metrics": {"top1_accuracy": 0.9}, "report_key": "k"}
    fake_platform.evaluations.put(replace(fake_platform.evaluations.get("eval-1"), summary=summary | more))
    found = call("GET", evaluation)[1]
    assert json.dumps(summary)[1:-1] in json.dumps({name: found[name] for name in summary})
    assert found["model_size_bytes"] == 4_000_000
