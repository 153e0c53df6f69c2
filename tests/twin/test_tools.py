"""Any AWS tool works against the twin, and so does our own command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import picture, write_folders
from tests.twin.conftest import Learnt
from tests.twin.world import World
from twin.running import free_port

BIN = Path(sys.executable).parent


def test_the_aws_command_line_drops_with_the_printed_keys(world: World, tmp_path: Path):
    write_folders(tmp_path / "photos", 2)
    keys = {
        "AWS_ACCESS_KEY_ID": world.connection.access_key_id,
        "AWS_SECRET_ACCESS_KEY": world.connection.secret_access_key,
        "AWS_DEFAULT_REGION": world.connection.region,
        "AWS_ENDPOINT_URL": world.connection.aws_endpoint_url,
    }
    target = f"s3://{world.connection.data_bucket}/tools/awscli/"
    words = [str(BIN / "aws"), "s3", "cp", "--recursive", str(tmp_path / "photos"), target]
    done = subprocess.run(words, env=os.environ | keys, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = world.wait(lambda: world.find_dataset("tools", "awscli"), lambda d: d is not None and d["object_count"] == 4)
    assert found["label_counts"] == {"circle": 2, "square": 2}


def test_drop_keys_open_the_data_bucket_and_nothing_else(world: World):
    with pytest.raises(Exception, match="AccessDenied"):
        world.aws("dynamodb").list_tables()
    with pytest.raises(Exception, match=r"AccessDenied|Access Denied|403"):
        world.aws("s3").list_objects_v2(Bucket=world.connection.artifact_bucket)


@pytest.fixture
def connection_file(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "connection.json"
    path.write_text(world.connection.to_json())
    return path


def droplearn(connection: Path, *words: str, status: int = 0):
    made = subprocess.run(
        [str(BIN / "droplearn"), *words, "--json", "--connection", str(connection)], capture_output=True, text=True, check=False
    )
    assert made.returncode == status, made.stdout + made.stderr
    return json.loads(made.stdout)


def test_the_command_line_does_the_main_job(connection_file: Path, tmp_path: Path):
    folder = write_folders(tmp_path / "photos", 6)
    dropped = droplearn(
        connection_file, "drop", str(folder), "--project", "typed", "--dataset", "all", "--scenario", "image_classification"
    )
    assert dropped["label_counts"] == {"circle": 6, "square": 6}
    trained = droplearn(connection_file, "train", "--project", "typed", "--dataset", "all", "--max-runtime", "10m", "--wait")
    assert trained["status"] == "SUCCEEDED"
    assert trained["metrics"]["top1_accuracy"] > 0.8
    models = droplearn(connection_file, "models", "--project", "typed")
    assert [m["id"] for m in models["models"]] == [trained["model"]]
    evaluated = droplearn(connection_file, "evaluate", trained["model"], "--dataset", "all", "--wait")
    assert evaluated["status"] == "SUCCEEDED"
    assert {"top1_accuracy", "macro_f1"} <= set(evaluated["metrics"])
    deployed = droplearn(connection_file, "deploy", trained["model"], "--max-runtime", "10m", "--wait")
    assert deployed["status"] == "RUNNING"
    file = tmp_path / "new.png"
    file.write_bytes(picture("square", 555, kind="PNG"))
    (answer,) = droplearn(connection_file, "predict", deployed["service"], str(file))
    assert answer["file"] == str(file)
    assert answer["response"]["result"]["output"][0]["body"][0]["label"] == "square"
    assert droplearn(connection_file, "status", "typed")["name"] == "typed"
    assert droplearn(connection_file, "logs", trained["task"])["lines"]
    assert droplearn(connection_file, "stop", deployed["service"], "--wait")["status"] == "STOPPED"


def test_the_command_line_fails_with_a_document_and_a_status(connection_file: Path, learnt: Learnt):
    missing = droplearn(connection_file, "train", "--project", learnt.project, "--dataset", "nothing", "--wait", status=1)
    assert missing["error"]["code"].endswith("not_found") or missing["error"]["code"].startswith("dataset.")
    assert missing["error"]["hint"]


def test_a_missing_connection_says_how_to_start_one(tmp_path: Path):
    made = subprocess.run([str(BIN / "droplearn"), "status"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 1
    assert "droplearn up" in made.stderr


def sweep_rule_after_a_sweep(world: World) -> str:
    """Nothing lives in it: nothing is to be looked at again until somebody makes a service."""
    [rule] = world.aws("events", **world.root_keys).list_rules(NamePrefix="droplearn-sweep-services")["Rules"]
    [target] = world.aws("events", **world.root_keys).list_targets_by_rule(Rule=rule["Name"])["Targets"]
    answer = world.aws("lambda", **world.root_keys).invoke(FunctionName=target["Arn"], Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    return str(world.aws("events", **world.root_keys).describe_rule(Name=rule["Name"])["State"])


def test_up_answers_json_and_refuses_a_state_that_is_in_use(world: World, tmp_path: Path):
    made = subprocess.run([str(BIN / "droplearn"), "up", "--state", str(world.state)], capture_output=True, text=True, check=False)
    assert made.returncode == 1
    assert "running" in made.stderr
    words = [str(BIN / "droplearn"), "up", "--json", "--state", str(tmp_path / "state"), "--port", str(free_port())]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as up:
        try:
            assert up.stdout is not None
            told = json.loads(up.stdout.readline())
            assert told == json.loads((tmp_path / "state" / "connection.json").read_text())
            assert told["api_url"]
            assert told["admin_token"]
            assert sweep_rule_after_a_sweep(World(tmp_path / "state")) == "DISABLED"
        finally:
            up.terminate()
        assert up.wait(120) == 0
