"""A model answers seconds after it was trained, without an endpoint: the serving image as a Lambda."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from droplearn.cli.main import main
from droplearn.contracts.prediction import PredictionSuccess
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World


def body(content: bytes) -> dict[str, Any]:
    return {"dataArray": [{"name": "image", "type": "stream", "body": base64.b64encode(content).decode()}]}


def is_no_longer_loading(told: tuple[int, Any]) -> bool:
    """On a busy machine the first may find the model still loading: it is told to try again, which costs no trial."""
    return told[1].get("error", {}).get("code") != "trial.too_slow"


def test_a_model_is_tried_until_its_trials_are_used(
    world: World, learnt: Learnt, tmp_path: Path, capsys: pytest.CaptureFixture[str], root: Any
):
    path = f"/v1/models/{learnt.model}/trial"
    status, first = world.wait(lambda: world.ask("POST", f"{path}?top=1", body(picture("circle", 900))), is_no_longer_loading)
    assert status == 200, first
    assert [entry.label for entry in PredictionSuccess.model_validate(first).result.output[0].body] == ["circle"]
    assert (first["trial"]["remaining"], first["trial"]["resets_in_s"] > 86000) == (4, True)

    status, broken = world.ask("POST", path, body(b"no picture"))
    assert (status, broken["errorCode"], broken["trial"]["remaining"]) == (400, "1002", 3)

    odd = tmp_path / "方 块+1.png"
    odd.write_bytes(picture("square", 901, kind="PNG"))
    words = ["trial", learnt.model, str(odd), str(odd), "--json", "--connection", str(world.state / "connection.json")]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert [a["response"]["result"]["output"][0]["body"][0]["label"] for a in told["answers"]] == ["square", "square"]
    assert told["trial"]["remaining"] == 1

    raw = world.http.request(
        "POST",
        world.connection.api_url + path,
        body=picture("circle", 902),
        headers={"authorization": f"Bearer {world.connection.admin_token}", "content-type": "image/jpeg"},
    )
    assert (raw.status, raw.json()["result"]["output"][0]["body"][0]["label"]) == (200, "circle")
    status, used_up = world.ask("POST", path, body(picture("circle", 903)))
    assert (status, used_up["error"]["code"]) == (429, "trial.used_up")

    found = world.call("GET", path)
    assert [call["http_status"] for call in found["calls"]] == [200, 200, 200, 400, 200]
    assert found["calls"][1]["input_name"] == "方 块+1.png"
    assert world.client.fetch(found["calls"][1]["input_url"]) == odd.read_bytes()
    assert found["calls"][0]["load_s"] < found["calls"][-1]["load_s"], "it stayed loaded"
    assert root("sagemaker").list_endpoints(NameContains=learnt.model)["Endpoints"] == []


def test_a_model_whose_files_are_gone_is_refused_and_costs_no_trial(world: World, learnt: Learnt, root: Any):
    model = world.call("GET", f"/v1/models/{learnt.model}")
    bucket, _, key = model["artifact_uri"].removeprefix("s3://").partition("/")
    copy = f"tasks/{learnt.task['id']}/output/elsewhere/model.tar.gz"
    table = next(name for name in root("dynamodb").list_tables()["TableNames"] if "Recall" not in name)
    item = root("dynamodb").get_item(TableName=table, Key={"pk": {"S": f"MODEL#{learnt.model}"}, "sk": {"S": "MODEL"}})["Item"]
    other = item | {"pk": {"S": "MODEL#model-other"}, "id": {"S": "model-other"}, "artifact_uri": {"S": f"s3://{bucket}/{copy}"}}
    del other["listed_in"], other["listed_at"]
    root("dynamodb").put_item(TableName=table, Item=other)
    status, told = world.ask("POST", "/v1/models/model-other/trial", body(picture("circle", 904)))
    assert (status, told["error"]["code"]) == (400, "model.missing")
    content = root("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    root("s3").put_object(Bucket=bucket, Key=copy, Body=content[: len(content) // 2])
    status, told = world.ask("POST", "/v1/models/model-other/trial", body(picture("circle", 905)))
    assert (status, told["error"]["code"]) in ((400, "model.unusable"), (400, "model.corrupt_file"))
    assert world.call("GET", "/v1/models/model-other/trial")["trial"]["remaining"] == 5
