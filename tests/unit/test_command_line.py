"""What a person sees of the command line: whole ids, plain words for what goes wrong, and never a traceback."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console

from droplearn.cli import dropping, looking, screen, service_watching, showing, trial
from droplearn.cli.main import main
from droplearn.cli.reference import as_markdown
from droplearn.cli.screen import Screen
from droplearn.client import Client
from droplearn.contracts.connection import Connection
from droplearn.contracts.errors import DropLearnError, Forbidden, InvalidRequest, Throttled, TransientError

MODEL = "model-01m81vwd4y6hyef7xxh90w7wf8"
CONNECTION = Connection(api_url="https://api.example.com", region="eu-west-1", data_bucket="data", artifact_bucket="artifacts")


# ---- tables ----------------------------------------------------------------------------------------------------------
def test_an_id_is_never_folded_in_a_narrow_terminal(capsys: pytest.CaptureFixture[str]):
    narrow = Screen(is_json=False)
    narrow._out = Console(width=80, force_terminal=False)
    row = [MODEL, "a-project-of-thirty-characters", "a-dataset", "top1_accuracy 1.0000", "2026-11-22T14:52:08.624Z"]
    narrow.table("models", ["id", "model", "dataset", "score", "created"], [row])
    shown = capsys.readouterr().out
    assert MODEL in shown
    assert "2026-11-22" in shown
    assert "14:52:08Z" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_piped_is_not_folded_at_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    Screen(is_json=False).table("answers", ["file", "answer"], [["a" * 100, "b" * 100]])
    assert f"{'a' * 100}  {'b' * 100}" in capsys.readouterr().out


def test_brackets_in_names_are_no_markup(capsys: pytest.CaptureFixture[str]):
    Screen(is_json=False).table("[red]", ["[x]", "answer"], [["cats [1] [/b].jpg", "cat"]])
    shown = capsys.readouterr().out
    assert "cats [1] [/b].jpg" in shown
    assert "[red]" in shown


def test_a_metric_that_is_a_word_is_shown_as_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    lines = [{"stage": "head", "epoch": 1, "epochs": 1, "chosen": "logistic", "valid_top1_accuracy": 1.0}]
    monkeypatch.setattr(looking, "connect", lambda _: SimpleNamespace(call=lambda *_: {"metrics": lines}))
    assert main(["logs", "task-1", "--metrics"]) == 0
    shown = capsys.readouterr().out
    assert "logistic" in shown
    assert "1.0000" in shown


def test_the_logs_of_a_service_are_those_of_its_servers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def pages(path: str, _items: str) -> Any:
        asked.append(path)
        return [{"message": "listening"}]

    monkeypatch.setattr(looking, "connect", lambda _: SimpleNamespace(pages=pages))
    assert main(["logs", "service-01m81wecverjwrbztzy1tfgq9k"]) == 0
    assert (asked, capsys.readouterr().out) == (["/v1/services/service-01m81wecverjwrbztzy1tfgq9k/logs"], "listening\n")


def test_every_word_of_the_command_line_is_in_its_reference():
    page = (Path(__file__).parents[2] / "docs/reference/command-line.md").read_text()
    assert page == as_markdown(), "python -m droplearn.cli.reference > docs/reference/command-line.md"


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_question_in_json_is_tried_as_it_is_or_as_an_input(is_whole: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    question = {"dataArray": [{"body": "eA=="}]} if is_whole else {"user_id": "u1", "count": 3}
    (tmp_path / "ask.json").write_text(json.dumps(question))
    sent: list[dict[str, Any]] = []

    def predict(_url: str, _token: str, body: bytes, _kind: str) -> Any:
        sent.append(json.loads(body))
        return {"success": False, "errorCode": "1001", "errorMsg": "X", "trial": {"remaining": 4, "limit": 5, "resets_at": ""}}

    monkeypatch.setattr(trial, "connect", lambda _: SimpleNamespace(connection=CONNECTION, predict=predict))
    assert main(["trial", MODEL, str(tmp_path / "ask.json")]) == 1
    entry = sent[0]["dataArray"][0]
    assert json.loads(base64.b64decode(entry["body"])) == question if not is_whole else sent[0] == question


def test_trials_that_were_answered_before_a_refusal_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    files = [tmp_path / f"{n}.jpg" for n in range(3)]
    for file in files:
        file.write_bytes(b"x")
    left = {"remaining": 0, "limit": 5, "resets_at": "2026-01-02T00:00:00.000Z"}
    answers = iter([{"success": False, "errorCode": "1001", "errorMsg": "X", "trial": left}])

    def predict(*_: object) -> Any:
        if (answer := next(answers, None)) is None:
            raise Throttled("trial.used_up", "They are used.", hint="Renewed at 2026-01-02T00:00:00.000Z.")
        return answer

    monkeypatch.setattr(trial, "connect", lambda _: SimpleNamespace(connection=CONNECTION, predict=predict))
    assert main(["trial", MODEL, *map(str, files), "--json"]) == 1
    told, complained = capsys.readouterr()
    document = json.loads(told)
    assert ([answer["file"] for answer in document["answers"]], document["error"]["code"]) == ([str(files[0])], "trial.used_up")
    assert complained.endswith("droplearn: They are used.\nRenewed at 2026-01-02 00:00:00Z.\n")


def test_a_model_that_fell_says_so(capsys: pytest.CaptureFixture[str]):
    told = {"model_id": "model-a", "metric": "top1_accuracy", "example_count": 45, "accuracy_before": 0.87, "accuracy_after": 0.78}
    showing.show_base_model(Screen(is_json=False), told | {"has_fallen": True})
    assert capsys.readouterr().out == (
        "base model model-a: top1_accuracy of 45 old examples 0.8700, now 0.7800; it has fallen: only --accept-fall puts it into use\n"
    )


# ---- what is shown ---------------------------------------------------------------------------------------------------
def test_annotated_pictures_are_not_called_unlabelled(capsys: pytest.CaptureFixture[str]):
    dataset = {"project": "yard", "name": "things", "scenario": "object_detection", "object_count": 90, "unlabelled_count": 45}
    dropping._show_dataset(Screen(is_json=False), dataset | {"label_counts": {}, "skipped_counts": {}})
    shown = capsys.readouterr().out
    assert "unlabelled" not in shown
    assert "is read when a task" in shown


def test_an_evaluation_tells_how_much_its_figures_are_worth(capsys: pytest.CaptureFixture[str]):
    client: Any = SimpleNamespace(call=lambda *_: {"intervals": {"top1_accuracy": [0.25, 1.0]}})
    found = {"id": "eval-1", "example_count": 4, "bad_case_count": 1, "skipped_count": 2, "protocol": "other_dataset", "warnings": ["Few."]}
    showing.show_evaluation(client, Screen(is_json=False), found | {"metrics": {"top1_accuracy": 0.75, "log_loss": 0.1}})
    shown = capsys.readouterr().out
    assert "4 examples, 1 bad cases, other dataset, 2 could not be scored" in shown
    assert "note: Few." in shown
    assert "0.2500 to 1.0000" in shown


def test_what_came_of_an_optimisation_is_told(capsys: pytest.CaptureFixture[str]):
    of_an_earlier_release = {"size_bytes": 13_000_000, "latency_ms": 4.2, "metric": 0.99}
    variants = [
        {"name": "int8", "is_published": True, "reason": "The metric holds.", "measured": of_an_earlier_release | {"memory_mb": 33.6}},
        {"name": "fp16", "is_published": False, "reason": "There was no time."},
    ]
    optimisation = {"metric": "top1_accuracy", "baseline": of_an_earlier_release, "variants": variants, "warnings": ["Few examples."]}
    showing.show_variants(Screen(is_json=False), optimisation)
    shown = capsys.readouterr().out
    assert "kept aside: There was no time." in shown
    assert "note: Few examples." in shown
    lines = {line.split()[0]: line.split() for line in shown.splitlines() if line.strip()}
    assert lines["fp32"][:5] == ["fp32", "13.0", "4.2", "0.9900", "as"], shown
    assert lines["int8"][:6] == ["int8", "13.0", "4.2", "34", "0.9900", "published:"], shown


def test_an_event_names_a_version_as_it_is_asked_for():
    assert (
        service_watching._told({"version": 2, "model": "model-a", "canary": {"share": 0.1}})
        == "version v2, model model-a, canary share 0.1"
    )


def test_an_optimisation_that_failed_says_why(capsys: pytest.CaptureFixture[str]):
    error = {"code": "job.failed", "message": "The job was killed.", "hint": "Ask for more memory."}
    showing.show_variants(Screen(is_json=False), {"status": "FAILED", "error": error, "variants": []})
    assert "The job was killed. Ask for more memory." in capsys.readouterr().out


# ---- what goes wrong -------------------------------------------------------------------------------------------------
def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: object) -> Any:
        raise error

    monkeypatch.setattr(looking, "connect", fail)


def test_a_path_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    failing(monkeypatch, PermissionError(13, "Permission denied", "/root/x"))
    assert main(["status"]) == 1
    assert "/root/x: Permission denied." in capsys.readouterr().err
    assert main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "file.not_usable"


def test_an_interrupted_command_says_that_its_work_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    failing(monkeypatch, KeyboardInterrupt())
    assert main(["status"]) == 130
    assert "`droplearn stop ID` ends it" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    failing(monkeypatch, BrokenPipeError())
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["status"]) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["service", "traffic", "s", "--share", "v1=abc"], "'abc' is no share"),
        (["up", "--port", "99999"], "'99999' is no port"),
        (["up", "--port", "-1"], "'-1' is no port"),
    ],
)
def test_words_that_cannot_be_read_are_refused_with_a_form(words: list[str], told: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_a_service_is_not_started_again_as_a_task(capsys: pytest.CaptureFixture[str]):
    assert main(["restart", "service-01m81wecverjwrbztzy1tfgq9k", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "restart.unknown_kind"


REFUSED = {"Error": {"Code": "InvalidAccessKeyId", "Message": "The key does not exist."}}
BUSY = {"Error": {"Code": "SlowDown", "Message": "Please reduce your request rate."}}


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:5600"), TransientError, "bucket.unreachable"),
        (ClientError(REFUSED, "PutObject"), Forbidden, "bucket.refused"),
        (ClientError(BUSY, "PutObject"), TransientError, "bucket.unreachable"),
    ],
)
def test_a_drop_that_the_bucket_does_not_take_says_why(error: Exception, kind: type[DropLearnError], code: str, tmp_path: Path):
    def put_object(**_: object) -> None:
        raise error

    client = Client(CONNECTION)
    client._s3 = SimpleNamespace(put_object=put_object)
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(kind) as caught:
        client.drop(tmp_path, "zoo", "animals", "image_classification")
    assert (caught.value.code, bool(caught.value.hint)) == (code, True)


def test_what_the_gateway_finds_too_large_is_said_with_the_limit(monkeypatch: pytest.MonkeyPatch):
    reply = SimpleNamespace(status=413, data=b'{"message": "Request Entity Too Large"}')
    monkeypatch.setattr(Client, "_request", lambda *_: reply)
    with pytest.raises(InvalidRequest, match="too large") as caught:
        Client(CONNECTION).predict("https://api.example.com", "t", b"x", "image/jpeg")
    assert "6 MB" in caught.value.hint


def test_a_screen_is_wide_where_nobody_looks():
    assert Screen(is_json=False)._out.width == screen._ANY_WIDTH
