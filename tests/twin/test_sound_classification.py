"""Sounds: drop, train, evaluate, deploy, predict; and what may go wrong."""

from __future__ import annotations

import pytest

from droplearn.contracts.status import ServiceStatus
from droplearn.scenarios.sound_classification.sample import sound
from tests.twin.conftest import Learnt
from tests.twin.world import World


def sounds(count: int, labels: tuple[str, ...] = ("beep", "knock"), first_seed: int = 0) -> dict[str, bytes]:
    """`<label>/<n>.wav`, short ones."""
    return {f"{label}/{n}.wav": sound(label, first_seed + n, seconds=0.6) for label in labels for n in range(count)}


@pytest.fixture(scope="module")
def heard(world: World) -> Learnt:
    """Eight sounds, two labels, one file that is none."""
    files = sounds(4) | {"beep/broken.wav": b"RIFF no sound"}
    world.drop("noises", "training", files)
    task = world.end_of_task(world.start_task("noises", "training"))
    assert task["status"] == "SUCCEEDED", task
    return Learnt("noises", "training", task, task["model"])


def test_the_scenario_is_inferred_and_a_broken_file_reported(world: World, heard: Learnt):
    assert world.call("GET", "/v1/projects/noises")["scenario"] == "sound_classification"
    assert heard.task["health"]["problem_counts"] == {"corrupt": 1}
    evaluation = world.call("GET", f"/v1/evaluations/{heard.task['evaluation']}")
    assert (evaluation["status"], evaluation["example_count"]) == ("SUCCEEDED", 8)
    assert 0 <= evaluation["metrics"]["top1_accuracy"] <= 1


def test_a_service_answers_sounds(world: World, heard: Learnt):
    service = world.deploy(heard.project, heard.model, max_runtime_s=600)
    told = world.client.predict(service["url"], service["token"], sound("knock", 77, seconds=3.0, kind="OGG"), "audio/ogg")
    output, meta = told["result"]["output"][0], told["result"]["meta"]
    assert output["type"] == "audio_common"
    assert {entry["label"] for entry in output["body"]} == {"beep", "knock"}
    assert (meta["seconds"], meta["sample_rate"] > 0) == (3.0, True)
    wrong = world.client.predict(service["url"], service["token"], b"no sound", "audio/wav")
    assert wrong["errorCode"] == "1002"
    world.ask("POST", f"/v1/services/{service['id']}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)


def test_one_label_is_told_before_anything_is_paid(world: World):
    world.drop("noises2", "one", sounds(3, labels=("beep",)))
    task = world.end_of_task(world.start_task("noises2", "one"))
    assert (task["status"], task["error"]["code"]) == ("FAILED", "dataset.one_label")
