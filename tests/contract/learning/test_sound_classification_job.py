"""Training and evaluation of sound classification as SageMaker runs them: processes, files, signals."""

import json
import signal
import time

import numpy as np
import onnxruntime
import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import labelled_files, make_version, splits_of
from droplearn.contracts.training import MetricLine, TaskSettings
from droplearn.scenarios.sound_classification.audio import decode
from droplearn.scenarios.sound_classification.sample import LABELS, sound, write_sample
from droplearn.scenarios.sound_classification.windows import WindowShape, cut
from tests.contract.learning.conftest import STOPPED_S

NAME = "sound_classification"


def lay_out(base, folder, test=(), validation_fraction=0.25, **settings):
    job = LocalJob(base, NAME)
    files = labelled_files(folder)
    version, examples = make_version(folder, files, splits_of(files, validation_fraction, 0, test), "v-1", NAME)
    job.write_channel(version, examples, folder)
    job.write_request(TaskSettings(**settings), version.version_id)
    return job, version, examples


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of the sample, with a test split of three sounds."""
    folder = write_sample(tmp_path_factory.mktemp("sounds"), per_label=5)
    job, version, examples = lay_out(tmp_path_factory.mktemp("job"), folder, test=[0, 5, 10])
    assert job.run("train", PYTHONVERBOSE="1") == 0, job.log.read_text()
    return job, version, examples, folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A training that was asked for epochs of the small network."""
    folder = write_sample(tmp_path_factory.mktemp("sounds"), per_label=8)
    job, *_ = lay_out(tmp_path_factory.mktemp("small"), folder, hyper_parameters={"epochs": 4, "batch_size": 6}, seed=3)
    assert job.run("train") == 0, job.log.read_text()
    return job, folder


def test_a_small_dataset_becomes_a_model_whose_files_match_its_manifest(trained):
    job, *_ = trained
    manifest = job.manifest
    assert (manifest.is_final, manifest.stop_reason, manifest.labels) == (True, "enough_already", list(LABELS))
    assert manifest.metrics_protocol == "cross_validation"
    assert manifest.metrics["valid_top1_accuracy"] >= 0.8
    assert {"spectrum", "spectrum_and_speech", "everything", "picture", "small_network"} <= {c.name for c in manifest.candidates}
    assert sum(c.is_chosen for c in manifest.candidates) == 1
    assert "too few" in next(c for c in manifest.candidates if c.name == "small_network").reason or manifest.candidates[-1].reason
    assert {f.name for f in (job.base / "checkpoints" / "best").iterdir()} == {"model.json", *(f.name for f in manifest.files)}
    assert (job.health.checked_count, job.health.excluded_count) == (15, 0)


def test_the_way_to_a_model_of_heads_imports_neither_torch_nor_scikit_learn(trained):
    job, *_ = trained
    assert "import 'onnxruntime'" in job.log.read_text()
    for slow in ("torch", "sklearn", "scipy", "pandas"):
        assert f"import '{slow}'" not in job.log.read_text()


def test_the_saved_network_takes_windows_of_samples(trained):
    job, *_ = trained
    session = onnxruntime.InferenceSession(job.model / "model.onnx")
    shape = WindowShape.of_samples(job.manifest.inputs[0].shape[1])
    for place, label in enumerate(job.manifest.labels):
        windows = cut(decode(sound(label, 900, seconds=3.0, kind="OGG")).samples, shape)
        probabilities = session.run(["probabilities"], {"windows": windows})[0]
        assert probabilities.shape == (1, 3)
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert probabilities[0].argmax() == place


def test_a_test_split_is_scored_by_running_the_model(trained):
    job, version, examples, folder = trained
    job.write_evaluation(job.model, version, examples, folder, "test_split")
    assert job.run("evaluate") == 0, job.log.read_text()
    assert (job.report.protocol, job.report.example_count) == ("test_split", 3)
    assert {"top1_accuracy", "macro_f1", "log_loss"} <= job.report.metrics.keys()


def test_held_out_predictions_give_the_metrics_of_the_manifest(trained):
    job, version, examples, folder = trained
    job.write_evaluation(job.model, version, examples, folder, "held_out")
    assert job.run("evaluate") == 0, job.log.read_text()
    assert (job.report.protocol, job.report.example_count) == ("cross_validation", 12)
    for name in ("top1_accuracy", "macro_f1"):
        assert job.report.metrics[name] == pytest.approx(job.manifest.metrics[f"valid_{name}"], abs=1e-4)


def test_training_is_deterministic_for_a_seed(trained, tmp_path):
    job, *_, folder = trained
    again, *_ = lay_out(tmp_path / "again", folder, test=[0, 5, 10])
    assert again.run("train") == 0
    assert [f.sha256 for f in again.manifest.files] == [f.sha256 for f in job.manifest.files]


def test_unusable_sounds_are_excluded_and_odd_ones_remarked(tmp_path):
    folder = write_sample(tmp_path / "sounds", per_label=5)
    good = sound("beep", 50, kind="FLAC")
    made = {"cut.flac": good[: len(good) // 2], "text.wav": b"no sound", "short.wav": sound("beep", 51, seconds=0.02)}
    for name, raw in {**made, "liar.wav": sound("beep", 52, kind="MP3"), "hush.wav": _silent()}.items():
        (folder / "beep" / name).write_bytes(raw)
    (folder / "beep" / "gone.wav").write_bytes(sound("beep", 53))
    job, *_ = lay_out(tmp_path / "job", folder)
    (folder / "beep" / "gone.wav").unlink()
    assert job.run("train") == 0, job.log.read_text()
    counts = {"corrupt": 1, "wrong_format": 1, "too_short": 1, "missing": 1, "wrong_extension": 1, "silent": 1}
    assert job.health.problem_counts == counts
    assert {p.path for p in job.health.problems if p.is_excluded} == {f"beep/{name}" for name in (*made, "gone.wav")}
    lines = [json.loads(line)["path"] for line in (job.model / "held_out.jsonl").read_text().splitlines()]
    assert {"beep/liar.wav", "beep/hush.wav"} <= set(lines)
    assert "beep/cut.flac" not in lines


def _silent() -> bytes:
    import io

    import soundfile

    written = io.BytesIO()
    soundfile.write(written, np.zeros(8000), 8000, format="WAV")
    return written.getvalue()


@pytest.mark.parametrize(("good", "code"), [(1, "dataset.too_few_examples"), (0, "dataset.one_label")])
def test_what_is_left_after_exclusions_must_still_be_enough(tmp_path, good, code):
    folder = tmp_path / "sounds"
    for label in ("beep", "knock"):
        (folder / label).mkdir(parents=True)
        for n in range(3):
            is_good = label == "beep" or n < good
            (folder / label / f"{n}.wav").write_bytes(sound(label, n) if is_good else b"broken" + bytes([n]))
    job, *_ = lay_out(tmp_path / "job", folder)
    assert job.run("train") == 1
    assert (job.failure.code, bool(job.failure.hint)) == (code, True)
    assert "sounds" in job.failure.message or code == "dataset.one_label"
    assert "Traceback" not in job.log.read_text()


def test_a_stop_before_there_is_a_model_is_a_failure_with_a_hint(trained, tmp_path):
    *_, folder = trained
    job, *_ = lay_out(tmp_path / "job", folder)
    assert job.run("train", DROPLEARN_EXPORT_RESERVE_S="3600") == 1
    assert job.failure.code == "training.stopped_before_model"


def test_a_killed_training_does_not_read_again_what_it_has_read(trained, tmp_path):
    job, *_, folder = trained
    again, *_ = lay_out(tmp_path / "job", folder, test=[0, 5, 10])
    process = again.start("train")
    end = time.monotonic() + 180
    while not (again.base / "checkpoints" / "features-0.npz").exists() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert again.run("train") == 0, again.log.read_text()
    assert "resuming" in again.log.read_text()
    assert [f.sha256 for f in again.manifest.files] == [f.sha256 for f in job.manifest.files]


def test_incremental_training_adds_a_label_and_compares_the_old_ones(tmp_path):
    for name, labels, first in (("old", ("beep", "knock"), 0), ("new", ("chirp", "beep"), 40)):
        for label in labels:
            (tmp_path / name / label).mkdir(parents=True)
            for n in range(first, first + 5):
                (tmp_path / name / label / f"{n}.wav").write_bytes(sound(label, n))
    base, *_ = lay_out(tmp_path / "base", tmp_path / "old")
    assert base.run("train") == 0, base.log.read_text()
    job, *_ = lay_out(tmp_path / "next", tmp_path / "new")
    job.adopt_base(base)
    assert job.run("train") == 0, job.log.read_text()
    assert job.manifest.labels == ["beep", "chirp", "knock"]
    assert job.manifest.base_model.example_count == 10
    assert not job.manifest.base_model.has_fallen


def test_the_small_network_is_compared_and_its_curves_are_printed(small):
    job, _ = small
    lines = [MetricLine.from_dict(line) for line in job.lines("metric") if line["stage"] == "small"]
    assert [(line.epoch, line.epochs) for line in lines] == [(n, 4) for n in (1, 2, 3, 4)]
    assert set(lines[0].metrics) == {"train_loss", "valid_loss", "valid_top1_accuracy", "valid_top5_accuracy"}
    assert {"small_network", "mean_of_both"} <= {c.name for c in job.manifest.candidates}
    assert job.manifest.stop_reason == "epochs_done"


def test_a_stop_during_the_small_network_keeps_the_model_before_it_would_be_killed(small, tmp_path):
    _, folder = small
    job, *_ = lay_out(tmp_path / "job", folder, hyper_parameters={"epochs": 1000, "batch_size": 6})
    process = job.start("train")
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None and not [m for m in job.lines("metric") if m["stage"] == "small"]:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPPED_S) == 0, job.log.read_text()
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("stop_requested", True)


def test_max_runtime_ends_training_with_a_model(small, tmp_path):
    _, folder = small
    job, *_ = lay_out(tmp_path / "job", folder, max_runtime_s=60, hyper_parameters={"epochs": 1000, "batch_size": 6})
    assert job.run("train", DROPLEARN_EXPORT_RESERVE_S="52") == 0, job.log.read_text()
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("max_runtime", True)


def test_a_second_process_has_nothing_to_do(trained, tmp_path):
    job, *_, folder = trained
    two, *_ = lay_out(tmp_path / "job", folder, test=[0, 5, 10])
    assert two.run("train", DROPLEARN_PROCESSES_PER_HOST="2") == 0, two.log.read_text()
    assert [f.sha256 for f in two.manifest.files] == [f.sha256 for f in job.manifest.files]


def test_where_the_best_head_errs_altered_versions_are_learnt_too(tmp_path):
    for number, label in enumerate(("this", "that")):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for n in range(5):  # the same kind of sound under both labels: nobody can tell them apart
            (tmp_path / "sounds" / label / f"{n}.wav").write_bytes(sound("beep", 100 * number + n, seconds=0.5))
    job, *_ = lay_out(tmp_path / "job", tmp_path / "sounds")
    assert job.run("train") == 0, job.log.read_text()
    assert any(c.name.endswith("_in_4_versions") for c in job.manifest.candidates)
    assert [line["stage"] for line in job.lines("metric")] == ["frozen"] * 4 + ["versions"]
    again, *_ = lay_out(tmp_path / "again", tmp_path / "sounds", max_runtime_s=60)
    assert again.run("train", DROPLEARN_EXPORT_RESERVE_S="30") == 0
    assert [f.sha256 for f in again.manifest.files] == [f.sha256 for f in job.manifest.files]
