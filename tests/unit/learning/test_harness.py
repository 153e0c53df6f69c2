"""The harness around a scenario: deadline, store, log, channels, launch plans, the failure file."""

import io
import json
import signal
import tarfile

import pytest

from droplearn.contracts.errors import InternalError, InvalidDataset
from droplearn.contracts.training import Failure
from droplearn.scenarios.learning import DraftFile, ModelDraft, StoppedEarly
from tests.unit.learning.fakes import FakeDeadline, FakeLog, manifest_of, request_of
from trainer.__main__ import guarded
from trainer.channels import example_source, model_folder, training_request
from trainer.deadline import ProcessDeadline, started_at
from trainer.distributed import PROCESSES_PER_HOST, launch_plan, own_group
from trainer.metric_log import StdoutLog
from trainer.model_store import FolderModelStore
from trainer.paths import Paths


def draft(network=b"net", **changes):
    told = {
        "files": [DraftFile("model.onnx", "network", network), DraftFile("labels.txt", "labels", b"a\nb\n")],
        "labels": ["a", "b"],
        "inputs": [],
        "outputs": [],
        "metrics": {"valid_top1_accuracy": 0.9},
        "metrics_protocol": "validation",
        "stop_reason": "epochs_done",
    }
    return ModelDraft(**told | changes)


def store(tmp_path, request=None):
    return FolderModelStore(request or request_of(), tmp_path / "checkpoints", tmp_path / "model", FakeDeadline(), FakeLog())


def test_saved_model_lies_whole_in_both_folders(tmp_path):
    store(tmp_path).save(draft(), is_final=True)
    for folder in ("checkpoints/best", "model"):
        names = {file.name for file in (tmp_path / folder).iterdir()}
        assert names == {"model.onnx", "labels.txt", "model.json"}
    assert not list((tmp_path / "checkpoints").glob(".best-*"))


def test_a_later_model_replaces_every_file_of_the_earlier(tmp_path):
    saved = store(tmp_path)
    saved.save(draft(files=[DraftFile("weights.npz", "weights", b"w")]), is_final=False)
    saved.save(draft(b"new"), is_final=True)
    assert not (tmp_path / "model" / "weights.npz").exists()
    assert (tmp_path / "model" / "model.onnx").read_bytes() == b"new"


def test_a_restart_finds_the_model_of_the_earlier_attempt(tmp_path):
    store(tmp_path).save(draft(), is_final=False)
    (tmp_path / "model" / "model.onnx").unlink()
    again = store(tmp_path)
    assert again.has_model
    again.finish("max_runtime")
    told = json.loads((tmp_path / "model" / "model.json").read_text())
    assert (told["is_final"], told["stop_reason"]) == (True, "max_runtime")
    assert (tmp_path / "model" / "model.onnx").read_bytes() == b"net"


def test_a_crash_between_two_renames_loses_nothing(tmp_path):
    store(tmp_path).save(draft(), is_final=False)
    (tmp_path / "checkpoints" / "best").rename(tmp_path / "checkpoints" / ".best-old")
    assert store(tmp_path).has_model


@pytest.mark.parametrize("harm", ["changed", "missing", "cut_manifest"])
def test_a_damaged_model_of_an_earlier_attempt_is_not_used(tmp_path, harm):
    store(tmp_path).save(draft(), is_final=False)
    best = tmp_path / "checkpoints" / "best"
    if harm == "changed":
        (best / "model.onnx").write_bytes(b"other")
    elif harm == "missing":
        (best / "model.onnx").unlink()
    else:
        (best / "model.json").write_text('{"model_id":')
    assert not store(tmp_path).has_model


def test_a_model_of_another_dataset_version_is_not_used(tmp_path):
    store(tmp_path).save(draft(), is_final=False)
    assert not store(tmp_path, request_of().model_copy(update={"dataset_version": "v-2"})).has_model


def test_deadline_counts_from_the_start_of_the_process():
    deadline = ProcessDeadline(60, started_at(), reserve_s=5)
    before, remaining, after = deadline.elapsed_s(), deadline.remaining_s(), deadline.elapsed_s()
    assert 0 < before < 3600
    assert 55 - after <= remaining <= 55 - before


def test_deadline_says_why_it_is_over():
    late = ProcessDeadline(60, started_at() - 100, reserve_s=5)
    with pytest.raises(StoppedEarly, match="max_runtime"):
        late.check()
    late.stop()
    assert late.interruption() == "stop_requested"


def test_a_signal_asks_for_a_stop():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        deadline = ProcessDeadline.from_environment(3600)
        assert deadline.interruption() is None
        signal.raise_signal(signal.SIGTERM)
        assert deadline.interruption() == "stop_requested"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_log_prints_one_json_object_a_line_and_keeps_metrics(capsys):
    log = StdoutLog(lambda: 2.5)
    log.metric("finetune", 1, 3, {"train_loss": 0.12345678})
    log.note("ready")
    for done in (1, 2, 3):
        log.progress("features", done, 3)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "metric", "stage": "finetune", "epoch": 1, "epochs": 3, "elapsed_s": 2.5, "train_loss": 0.123457}
    assert log.history == [lines[0]]
    assert [line["done"] for line in lines if line["event"] == "progress"] == [1, 3]


def test_failure_file_keeps_a_whole_first_line_however_long_the_message(tmp_path, capsys):
    def work():
        raise InvalidDataset("dataset.empty", "x" * 5000, hint="Drop pictures.")

    assert guarded(work, Paths(tmp_path)) == 1
    text = (tmp_path / "output" / "failure").read_text()
    assert len(text) < 1024
    assert Failure.model_validate_json(text.splitlines()[0]).hint == "Drop pictures."
    assert "dataset.empty" in capsys.readouterr().out


@pytest.mark.parametrize(("error", "code"), [(ZeroDivisionError("secret"), "training.internal"), (MemoryError(), "training.out_of_memory")])
def test_a_defect_is_told_without_its_traceback(tmp_path, capsys, error, code):
    def work():
        raise error

    assert guarded(work, Paths(tmp_path)) == 1
    text = (tmp_path / "output" / "failure").read_text()
    assert Failure.model_validate_json(text).code == code
    assert "secret" not in text
    assert "Traceback" in capsys.readouterr().err


def test_request_comes_as_json_or_as_json_in_a_string(tmp_path):
    file = tmp_path / "hyperparameters.json"
    for value in (request_of().to_json(), json.loads(request_of().to_json())):
        file.write_text(json.dumps({"request": value}))
        assert training_request(file) == request_of()
    file.write_text("{}")
    with pytest.raises(InternalError, match="request"):
        training_request(file)


def test_missing_channel_files_are_named(tmp_path):
    with pytest.raises(InternalError, match=r"version\.json"):
        example_source(tmp_path, tmp_path)


def test_model_comes_as_a_folder_or_as_an_archive(tmp_path):
    channel = tmp_path / "channel"
    (channel / "job" / "output").mkdir(parents=True)
    content = manifest_of(["a", "b"]).to_json().encode()
    with tarfile.open(channel / "job" / "output" / "model.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("model.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    assert (model_folder(channel, tmp_path / "scratch") / "model.json").read_bytes() == content
    (channel / "model.json").write_bytes(content)
    assert model_folder(channel, tmp_path / "scratch") == channel


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../escaped"))
    with pytest.raises(tarfile.OutsideDestinationError):
        model_folder(tmp_path, tmp_path / "scratch")


def test_one_process_alone_is_not_launched(tmp_path, monkeypatch):
    monkeypatch.delenv(PROCESSES_PER_HOST, raising=False)
    monkeypatch.delenv("RANK", raising=False)
    assert launch_plan(tmp_path / "resourceconfig.json") is None
    assert own_group().is_leader


def test_hosts_and_processes_get_their_ranks(tmp_path, monkeypatch):
    file = tmp_path / "resourceconfig.json"
    file.write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-2", "algo-1"], "network_interface_name": "eth0"}))
    monkeypatch.setenv(PROCESSES_PER_HOST, "2")
    monkeypatch.delenv("RANK", raising=False)
    plan = launch_plan(file)
    environment = plan.environment(1, 7777)
    assert plan.world_size == 4
    assert (environment["RANK"], environment["LOCAL_RANK"], environment["WORLD_SIZE"]) == ("3", "1", "4")
    assert (environment["MASTER_ADDR"], environment["NCCL_SOCKET_IFNAME"]) == ("algo-1", "eth0")
    monkeypatch.setenv("RANK", "3")
    assert launch_plan(file) is None
