"""A model is deleted: bucket and table hold nothing of it, and what others say of it stays true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from droplearn.cli.main import main
from tests.pictures import picture
from tests.twin.test_trial import body
from tests.twin.world import World, pictures


def kept(root: Any, bucket: str, words: list[str]) -> tuple[list[str], list[str]]:
    """Keys of the bucket and of the table that name one of these."""
    objects = [o["Key"] for page in root("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket) for o in page.get("Contents", [])]
    table = next(name for name in root("dynamodb").list_tables()["TableNames"] if "Recall" not in name)
    items = [item for page in root("dynamodb").get_paginator("scan").paginate(TableName=table) for item in page["Items"]]
    found = [item["pk"]["S"] for item in items if any(word in json.dumps(item, default=str) for word in words)]
    return [key for key in objects if any(word in key for word in words)], found


def test_nothing_is_left_of_a_deleted_model_nor_of_a_deleted_project(world: World, root: Any, capsys: pytest.CaptureFixture[str]):
    world.drop("shortlived", "training", pictures(4))
    task = world.end_of_task(world.start_task("shortlived", "training"))
    model, path = task["model"], f"/v1/models/{task['model']}"
    assert world.ask("POST", f"{path}/trial", body(picture("circle", 907)))[0] == 200
    world.call("GET", f"{path}/export")
    link = world.call("POST", f"{path}/preview-links", {})
    service = world.call("POST", "/v1/projects/shortlived/services", {"model": model})["id"]
    status, refused = world.ask("DELETE", path)
    assert (status, refused["error"]["code"], refused["error"]["details"]) == (409, "model.in_use", {"used_by": [service]})
    world.call("POST", f"/v1/services/{service}/stop")
    world.wait(lambda: world.call("GET", f"/v1/services/{service}"), lambda s: s["status"] == "STOPPED")

    bucket = world.connection.artifact_bucket
    words = [model, task["id"], task["evaluation"], link["id"]]
    assert len(kept(root, bucket, words)[0]) > 10
    assert main(["delete", model, "--yes", "--json", "--connection", str(Path(world.state) / "connection.json")]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": model, "is_deleted": True}
    objects, items = kept(root, bucket, words)
    assert objects == []
    history = {f"TASK#{task['id']}", f"SERVICE#{service}"}
    assert {key for key in items if key.partition("#")[0] not in ("SERVICE_EVENT", "DATASET")} == history

    status, told = world.ask("GET", path)
    assert (status, told["error"]["code"]) == (404, "model.deleted")
    assert world.http.request("GET", link["url"]).status == 404
    assert world.task(task["id"])["model_deleted_at"] > task["ended_at"]
    assert world.call("GET", f"/v1/services/{service}")["model"] == model
    assert world.call("GET", "/v1/projects/shortlived/models")["models"] == []
    status, told = world.ask("POST", f"/v1/tasks/{task['id']}/restart")
    assert (status, told["error"]["code"]) == (409, "task.model_deleted")

    dropped = root("s3").list_objects_v2(Bucket=world.connection.data_bucket, Prefix="shortlived/")["KeyCount"]
    status, told = world.ask("DELETE", "/v1/projects/shortlived")
    assert (status, told["error"]["code"]) == (400, "project.not_confirmed")
    world.call("DELETE", "/v1/projects/shortlived", confirm="shortlived")
    status, told = world.ask("POST", "/v1/projects/shortlived/tasks", {"dataset": "training"})
    assert (status, told["error"]["code"]) == (409, "project.being_deleted")
    forget_two_minutes(root, "shortlived")
    world.call("DELETE", "/v1/projects/shortlived", confirm="shortlived")
    world.wait(lambda: world.ask("GET", "/v1/projects/shortlived")[0], lambda status: status == 404)
    objects, items = kept(root, bucket, ["shortlived", task["id"], task["dataset_version"], service])
    assert objects == []
    assert {key.partition("#")[0] for key in items} <= {"TOKEN", "LIVE_SERVICE"}, "the service's token, and the note for the sweep, expire"
    assert root("s3").list_objects_v2(Bucket=world.connection.data_bucket, Prefix="shortlived/")["KeyCount"] == dropped
    assert world.drop("shortlived", "training", {"circle/new.jpg": picture("circle", 908)})["label_counts"] == {"circle": 1}
    assert world.call("GET", "/v1/projects/shortlived/tasks")["tasks"] == []


def forget_two_minutes(root: Any, project: str) -> None:
    """As if the deletion had been asked for long ago: a second request finds nobody to wait for."""
    root("dynamodb").update_item(
        TableName=next(name for name in root("dynamodb").list_tables()["TableNames"] if "Recall" not in name),
        Key={"pk": {"S": f"PROJECT#{project}"}, "sk": {"S": "PROJECT"}},
        UpdateExpression="SET deleting_since = :then",
        ExpressionAttributeValues={":then": {"S": "2026-01-01T00:00:00.000Z"}},
    )
