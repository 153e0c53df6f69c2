"""The twin is killed in the middle of a training and started again."""

from __future__ import annotations

import time
from pathlib import Path

from tests.pictures import hard_picture
from tests.twin.world import LABELS, World
from twin.running import running_twin


def test_a_killed_twin_comes_back_with_its_data_and_an_honest_task_that_can_be_restarted(tmp_path: Path):
    state = tmp_path / "state"
    files = {f"{label}/{n}.jpg": hard_picture(label, n, 48) for label in LABELS for n in range(30)}
    with running_twin(state) as twin:
        world = World(twin.state)
        world.drop("noise", "weak", files)
        task_id = world.start_task("noise", "weak", max_runtime_s=300, hyper_parameters={"epochs": 500})
        world.wait(lambda: world.task(task_id)["status"], lambda s: s == "TRAINING", limit_s=30)
        world.wait(lambda: list(world.client.pages(f"/v1/tasks/{task_id}/logs", "lines")), len, limit_s=30)
        begin = time.time()
        world.wait(lambda: saved_since(state, begin), bool, limit_s=30)
        twin.kill()
    with running_twin(state, port=twin.port) as twin:
        again = World(twin.state)
        assert again.connection.admin_token == world.connection.admin_token
        assert again.find_dataset("noise", "weak")["label_counts"] == {"circle": 30, "square": 30}
        task = again.end_of_task(task_id, limit_s=30)
        assert task["status"] == "FAILED"
        assert task["error"]["code"] == "execution.aborted"
        assert again.ask("POST", f"/v1/tasks/{task_id}/restart")[0] == 202
        again.wait(lambda: again.task(task_id)["status"], lambda s: s == "TRAINING", limit_s=30)
        assert again.ask("POST", f"/v1/tasks/{task_id}/stop")[0] in (200, 202)
        assert again.end_of_task(task_id)["status"] in ("STOPPED_WITH_MODEL", "STOPPED")


def saved_since(state: Path, moment: float) -> bool:
    """The state on disk is younger than the moment: a crash now loses nothing from before it."""
    return any(file.stat().st_mtime > moment for file in state.glob("*.snapshot"))
