"""The training program as SageMaker runs it: a process, folders below a base directory, signals."""

import io
import json
import shutil
import signal
import time

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from benchmarks.learning.local_job import LocalJob
from droplearn.contracts.dataset import HealthReport
from droplearn.contracts.training import MetricLine
from droplearn.scenarios.image_classification.pixels import prepare
from tests.contract.learning.conftest import STOPPED_S, lay_out, write
from tests.pictures import picture

TUNED = {"hyper_parameters": {"epochs": 2, "batch_size": 16, "learning_rate": 1e-5}, "seed": 7}
"""Gentle: these pictures are noise to a network that knows photos, and larger steps only destroy it."""
NOISE = 0.3
"""Nats. Six other draws of dropout and colours in one process: .36 to .62 after the second epoch, on these twelve validation pictures."""


@pytest.fixture(scope="module")
def tuned(hard, tmp_path_factory) -> LocalJob:
    """A fine-tuned model, as several tests compare with it."""
    job = lay_out(LocalJob(tmp_path_factory.mktemp("tuned")), hard, **TUNED)
    assert job.run("train") == 0, job.log.read_text()
    return job


def wait_for(job, event, stage, process, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if any(line.get("stage") == stage for line in job.lines(event)):
            return
        time.sleep(0.05)
    raise AssertionError(job.log.read_text())


def tiny() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (6, 40)).save(out, "PNG")
    return out.getvalue()


def test_small_dataset_becomes_a_model_whose_files_match_its_manifest(new_job, easy):
    job = new_job(easy)
    assert job.run("train") == 0, job.log.read_text()
    manifest = job.manifest
    assert manifest.is_final
    assert manifest.stop_reason == "enough_already"
    assert manifest.labels == ["circle", "square", "triangle"]
    assert manifest.metrics["valid_top1_accuracy"] == 1.0
    assert manifest.metrics_protocol == "cross_validation"
    assert "too few" in next(c for c in manifest.candidates if c.name == "tuned").reason
    best = job.base / "checkpoints" / "best"
    assert {f.name for f in best.iterdir()} == {"model.json", *(f.name for f in manifest.files)}
    assert (best / "model.json").read_bytes() == (job.model / "model.json").read_bytes()
    health = HealthReport.from_json((job.base / "checkpoints" / "health.json").read_bytes())
    assert (health.checked_count, health.excluded_count) == (18, 0)


def test_the_way_to_the_first_model_imports_neither_torch_nor_scikit_learn(new_job, easy):
    job = new_job(easy)
    assert job.run("train", PYTHONVERBOSE="1") == 0
    assert "import 'onnxruntime'" in job.log.read_text()
    for slow in ("torch", "sklearn", "scipy", "pandas"):
        assert f"import '{slow}'" not in job.log.read_text()


def test_the_saved_network_answers_uint8_pictures_with_the_right_label(new_job, easy):
    job = new_job(easy)
    assert job.run("train") == 0
    session = onnxruntime.InferenceSession(job.model / "model.onnx")
    size = job.manifest.preprocessing["size"]
    pixels = np.stack([prepare(picture(label, 90), size).pixels for label in job.manifest.labels])
    probabilities = session.run(["probabilities"], {"image": pixels})[0]
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


def test_unusable_pictures_are_excluded_and_reported(tmp_path):
    folder = write(tmp_path / "pictures", 6)
    good = picture("circle", 50)
    bad = {"cut.jpg": good[: len(good) // 2], "text.png": b"no picture", "tiny.png": tiny()}
    for name, raw in bad.items():
        (folder / "circle" / name).write_bytes(raw)
    (folder / "circle" / "gone.jpg").write_bytes(picture("circle", 52))
    job = lay_out(LocalJob(tmp_path / "job"), folder)
    (folder / "circle" / "gone.jpg").unlink()
    assert job.run("train") == 0, job.log.read_text()
    health = HealthReport.from_json((job.base / "checkpoints" / "health.json").read_bytes())
    assert health.problem_counts == {"corrupt": 1, "wrong_format": 1, "too_small": 1, "missing": 1}
    assert {p.path for p in health.problems} == {f"circle/{name}" for name in (*bad, "gone.jpg")}
    assert all(json.loads(line)["path"] not in bad for line in (job.model / "held_out.jsonl").read_text().splitlines())


@pytest.mark.parametrize(("good", "code"), [(1, "dataset.too_few_examples"), (0, "dataset.one_label")])
def test_what_is_left_after_exclusions_must_still_be_enough(tmp_path, good, code):
    folder = write(tmp_path / "pictures", 4, labels=("circle", "square"))
    for file in sorted((folder / "square").iterdir())[good:]:
        file.write_bytes(b"broken" + file.name.encode())
    job = lay_out(LocalJob(tmp_path / "job"), folder)
    assert job.run("train") == 1
    told = job.failure
    assert told.code == code
    assert told.hint
    assert "Traceback" not in job.log.read_text()
    assert (job.base / "checkpoints" / "health.json").exists()


def untimed(history):
    return [{name: value for name, value in line.items() if name != "elapsed_s"} for line in history]


def test_fine_tuning_prints_the_curves_and_compares_candidates(tuned):
    lines = [MetricLine.from_dict(line) for line in tuned.lines("metric")]
    assert [(line.stage, line.epoch, line.epochs) for line in lines[:3]] == [("frozen", 1, 1), ("finetune", 1, 2), ("finetune", 2, 2)]
    for line in lines[:3]:
        assert set(line.metrics) == {"train_loss", "valid_loss", "valid_top1_accuracy", "valid_top5_accuracy"}
    assert tuned.manifest.stop_reason == "epochs_done"
    assert {c.name for c in tuned.manifest.candidates} == {"frozen", "tuned", "between_0.25", "between_0.5", "between_0.75"}
    (chosen,) = (c for c in tuned.manifest.candidates if c.is_chosen)
    assert {line.stage for line in lines[3:]} == (set() if chosen.name == "frozen" else {"refit"})
    assert [line.epoch for line in lines[3:]] == list(range(1, len(lines) - 2)), "the refits are one curve"


def test_a_stop_during_fine_tuning_keeps_the_model_before_it_would_be_killed(new_job, hard):
    job = new_job(hard, hyper_parameters={"epochs": 500, "batch_size": 16})
    process = job.start("train")
    wait_for(job, "progress", "finetune", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPPED_S) == 0, job.log.read_text()
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("stop_requested", True)


def test_a_stop_before_there_is_a_model_is_a_failure_with_a_hint(new_job, easy):
    job = new_job(easy)
    assert job.run("train", DROPLEARN_EXPORT_RESERVE_S="3600") == 1
    assert job.failure.code == "training.stopped_before_model"
    assert not (job.model / "model.json").exists()


def test_max_runtime_ends_training_with_a_model(new_job, hard):
    job = new_job(hard, max_runtime_s=60, hyper_parameters={"epochs": 1000, "batch_size": 16})
    started = time.monotonic()
    assert job.run("train", DROPLEARN_EXPORT_RESERVE_S="50") == 0, job.log.read_text()
    assert time.monotonic() - started < 60
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("max_runtime", True)


def test_a_killed_training_goes_on_after_the_epoch_that_it_finished_and_becomes_the_same_model(new_job, hard, tuned):
    """Byte for byte: training is deterministic for a seed, interrupted or not."""
    job = new_job(hard, **TUNED)
    process = job.start("train")
    end = time.monotonic() + 180
    while not (job.base / "checkpoints" / "tuning.npz").exists() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert (job.base / "checkpoints" / "best" / "model.json").exists()
    assert job.run("train") == 0, job.log.read_text()
    assert "goes on after epoch" in job.log.read_text()
    assert not any(line["stage"] == "features" for line in job.lines("progress"))
    assert untimed(job.manifest.history) == untimed(tuned.manifest.history)
    assert job.manifest.metrics == tuned.manifest.metrics
    assert [f.sha256 for f in job.manifest.files] == [f.sha256 for f in tuned.manifest.files]


def test_expected_accuracy_ends_the_training(new_job, easy):
    job = new_job(easy, expected_accuracy=0.9, hyper_parameters={"epochs": 50})
    assert job.run("train") == 0
    assert job.manifest.stop_reason == "expected_accuracy"
    assert "finetune" not in job.log.read_text()


def test_only_the_selected_labels_are_learnt(new_job, easy):
    job = new_job(easy, labels=["circle", "square"])
    assert job.run("train") == 0
    assert job.manifest.labels == ["circle", "square"]


def test_a_defect_becomes_a_failure_without_a_traceback_in_it(new_job, easy):
    job = new_job(easy)
    (job.base / "input" / "data" / "dataset" / "examples.jsonl").write_text("{not json\n")
    assert job.run("train") == 1
    told = job.failure
    assert told.code == "training.bad_channel"
    assert "Traceback" not in told.message


def test_two_processes_learn_what_one_learns_but_for_noise(new_job, hard, tuned):
    """The same order, crops and targets; dropout and colours are drawn anew in each process."""
    job = new_job(hard, **TUNED)
    assert job.run("train", DROPLEARN_PROCESSES_PER_HOST="2") == 0, job.log.read_text()
    ours, theirs = job.manifest.history[:3], tuned.manifest.history[:3]
    assert [(line["stage"], line["epoch"]) for line in ours] == [(line["stage"], line["epoch"]) for line in theirs]
    assert ours[0]["valid_loss"] == pytest.approx(theirs[0]["valid_loss"], abs=1e-4), "nothing is drawn for the frozen network"
    assert [line["valid_loss"] for line in ours] == pytest.approx([line["valid_loss"] for line in theirs], abs=NOISE)
    losses, expected = ({c.name: c.metrics["valid_loss"] for c in j.manifest.candidates} for j in (job, tuned))
    assert losses == pytest.approx(expected, abs=NOISE)


def test_two_processes_stop_together_and_keep_the_model(new_job, hard):
    job = new_job(hard, hyper_parameters={"epochs": 500, "batch_size": 12})
    process = job.start("train", DROPLEARN_PROCESSES_PER_HOST="2")
    wait_for(job, "progress", "finetune", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPPED_S) == 0, job.log.read_text()
    assert job.manifest.stop_reason == "stop_requested"


def test_the_second_process_is_dismissed_where_nothing_is_tuned(new_job, easy):
    job = new_job(easy)
    assert job.run("train", DROPLEARN_PROCESSES_PER_HOST="2") == 0, job.log.read_text()
    assert job.manifest.stop_reason == "enough_already"


def test_incremental_training_adds_a_label_and_compares_the_old_ones(tmp_path, new_job):
    old = write(tmp_path / "old", 6, labels=("circle", "square"))
    new = write(tmp_path / "new", 6, labels=("triangle",), first=20)
    write(new, 3, labels=("circle",), first=20)
    base = new_job(old, "base")
    assert base.run("train") == 0
    job = new_job(new, "next")
    job.adopt_base(base)
    assert job.run("train") == 0, job.log.read_text()
    manifest = job.manifest
    assert manifest.labels == ["circle", "square", "triangle"]
    assert manifest.base_model.model_id == base.manifest.model_id
    assert manifest.base_model.example_count == 12
    assert manifest.base_model.accuracy_before == 1.0
    assert not manifest.base_model.has_fallen
    assert len((job.model / "held_out.jsonl").read_text().splitlines()) == 21


def test_incremental_training_starts_from_tuned_weights(new_job, hard, tuned):
    with np.load(tuned.base / "checkpoints" / "tuning.npz") as state:
        weights = {name.removeprefix("average:"): state[name] for name in state.files if name.startswith("average:")}
    base, job = LocalJob(tuned.base), new_job(hard)
    base_model = job.base / "tuned_model"
    shutil.copytree(tuned.model, base_model)
    np.savez(base_model / "weights.npz", **{name: value for name, value in weights.items() if not name.startswith("classifier")})
    job.adopt_base(base, base_model)
    assert job.run("train") == 0, job.log.read_text()
    assert "weights.npz" in {file.name for file in job.manifest.files}
    with np.load(job.model / "weights.npz") as kept:
        assert (kept["head.conv.weight"] == weights["head.conv.weight"]).all()


def test_wrong_call_says_how_to_call(tmp_path):
    job = LocalJob(tmp_path)
    assert job.run("polish") == 2
    assert "usage" in job.log.read_text()
