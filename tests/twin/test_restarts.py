"""The twin is killed, in the middle of a training or with services that run, and started again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from droplearn.contracts.status import ServiceStatus
from tests.pictures import hard_picture, picture
from tests.twin.world import LABELS, World, pictures
from twin.running import running_twin


def test_a_killed_twin_comes_back_with_its_data_and_an_honest_task_that_can_be_restarted(tmp_path: Path):
    state = tmp_path / "state"
    files = {f"{label}/{n}.jpg": hard_picture(label, n, 48) for label in LABELS for n in range(30)}
    with running_twin(state) as twin:
        world = World(twin.state)
        world.drop("noise", "weak", files)
        task_id = world.start_task("noise", "weak", max_runtime_s=300, hyper_parameters={"epochs": 500})
        world.wait(lambda: world.task(task_id)["status"], lambda s: s == "TRAINING")
        world.wait(lambda: list(world.client.pages(f"/v1/tasks/{task_id}/logs", "lines")), len)
        begin = time.time()
        world.wait(lambda: saved_since(state, begin), bool)
        twin.kill()
    with running_twin(state, port=twin.port) as twin:
        again = World(twin.state)
        assert again.connection.admin_token == world.connection.admin_token
        assert again.find_dataset("noise", "weak")["label_counts"] == {"circle": 30, "square": 30}
        task = again.end_of_task(task_id)
        assert task["status"] == "FAILED"
        assert task["error"]["code"] == "execution.aborted"
        assert again.ask("POST", f"/v1/tasks/{task_id}/restart")[0] == 202
        again.wait(lambda: again.task(task_id)["status"], lambda s: s == "TRAINING")
        assert again.ask("POST", f"/v1/tasks/{task_id}/stop")[0] in (200, 202)
        assert again.end_of_task(task_id)["status"] in ("STOPPED_WITH_MODEL", "STOPPED")


def saved_since(state: Path, moment: float) -> bool:
    """The state on disk is younger than the moment: a crash now loses nothing from before it."""
    return any(file.stat().st_mtime > moment for file in state.glob("*.snapshot"))


def test_services_outlive_a_killed_twin_but_not_their_time(tmp_path: Path):
    state = tmp_path / "state"
    with running_twin(state) as twin:
        world = World(twin.state)
        world.drop("shapes", "few", pictures(6))
        task = world.end_of_task(world.start_task("shapes", "few", hyper_parameters={"epochs": 1}))
        assert task["status"] == "SUCCEEDED", task
        idle = world.deploy("shapes", task["model"], idle_timeout_s=10)
        lasting, short = (world.deploy("shapes", task["model"]) for _ in range(2))
        ends = datetime.now(UTC) + timedelta(seconds=4)
        world.call("PATCH", f"/v1/services/{short['id']}", {"stops_at": ends.isoformat()})
        before = world.call("GET", f"/v1/services/{lasting['id']}")
        begin = time.time()
        world.wait(lambda: saved_since(state, begin), bool)
        twin.kill()
    time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()))
    with running_twin(state, port=twin.port) as twin:
        again = World(twin.state)
        over = again.wait_service(short["id"], ServiceStatus.STOPPED)
        assert over["stop_reason"] == "deadline"
        assert again.wait_service(idle["id"], ServiceStatus.STOPPED)["stop_reason"] == "idle"
        after = again.wait_service(lasting["id"], ServiceStatus.RUNNING)
        assert (after["stops_at"], after["running_since"]) == (before["stops_at"], before["running_since"])
        assert again.client.predict(lasting["url"], lasting["token"], picture("circle", 9), "image/jpeg")["success"]
        cut = datetime.now(UTC) + timedelta(seconds=1)
        again.call("PATCH", f"/v1/services/{lasting['id']}", {"stops_at": cut.isoformat()})
        again.wait_service(lasting["id"], ServiceStatus.STOPPED)
