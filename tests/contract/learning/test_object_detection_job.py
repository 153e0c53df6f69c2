"""Training and evaluation of object detection as SageMaker runs them: processes, files, signals."""

import shutil
import signal
import time

import numpy as np
import onnxruntime
import pyarrow.parquet
import pytest
from PIL import Image

from benchmarks.learning.detection import annotated_version
from benchmarks.learning.local_job import LocalJob
from droplearn.contracts.training import MetricLine, TaskSettings
from droplearn.scenarios.object_detection.sample import sample_files, scenes
from droplearn.scenarios.object_detection.serving import load

NAME = "object_detection"
QUICK = {"hyper_parameters": {"epochs": 6, "batch_size": 2, "learning_rate": 0.004}, "seed": 1}
SHORTEST = {"hyper_parameters": {"epochs": 1, "batch_size": 4}}


def write(folder, count=20, labels=("circle", "square"), seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in sample_files(seed, count, labels).items():
        (folder / name).write_bytes(content)
    return folder


def lay_out(base, folder, test_share=0.0, validation_share=0.2, **settings):
    job = LocalJob(base, NAME)
    version, examples = annotated_version(folder, "v-1", 0, test_share, validation_share)
    job.write_channel(version, examples, folder)
    job.write_request(TaskSettings(**settings), version.version_id)
    return job, version, examples


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of two shapes, with a test split of five pictures."""
    folder = write(tmp_path_factory.mktemp("shapes"), 24)
    job, version, examples = lay_out(tmp_path_factory.mktemp("job"), folder, test_share=0.2, **QUICK)
    assert job.run("train") == 0, job.log.read_text()
    return job, version, examples, folder


def test_a_small_dataset_becomes_a_model_with_curves_and_candidates(trained):
    job, *_ = trained
    manifest = job.manifest
    assert (manifest.is_final, manifest.labels, manifest.metrics_protocol) == (True, ["circle", "square"], "validation")
    assert manifest.metrics["valid_map_50"] > 0.25
    assert {"valid_map_50_95", "valid_classification_loss", "valid_localization_loss", "valid_total_loss"} <= manifest.metrics.keys()
    assert [c.is_chosen for c in manifest.candidates].count(True) == 1
    lines = [MetricLine.from_dict(line) for line in job.lines("metric")]
    assert [line.epoch for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {"train_loss", "train_classification_loss", "train_localization_loss", "valid_map_50", "valid_loss"} <= lines[-1].metrics.keys()
    assert lines[-1].metrics["train_loss"] < lines[0].metrics["train_loss"]
    assert (job.health.checked_count, job.health.excluded_count) == (24, 0)
    saved = {file.name for file in (job.base / "checkpoints" / "best").iterdir()}
    assert saved == {"model.json", "model.onnx", "labels.txt", "weights.npz", "held_out.jsonl"}


def test_the_saved_network_finds_shapes_through_the_server_s_predictor(trained):
    job, *_ = trained
    predictor, session = load(job.model, job.manifest), onnxruntime.InferenceSession(job.model / "model.onnx")
    (scene,) = scenes(99, 1, ("circle", "square"))
    given = predictor.decode(scene.picture)
    answer = predictor.answer(session.run(["boxes", "scores"], given.tensors), given.meta, {"threshold": "0.05", "pos": "pixels"})
    assert given.meta == {"height": scene.height, "width": scene.width}
    assert answer
    assert {found["label"] for found in answer} <= {"circle", "square"}
    centres = np.array([np.mean(found["pos"], axis=0) for found in answer])
    shape = scene.shapes[0]
    middle = ((shape.left + shape.right) / 2, (shape.top + shape.bottom) / 2)
    assert np.abs(centres - middle).max(axis=1).min() < 25


def evaluate(trained, source, examples=None):
    job, version, own, folder = trained
    job.write_evaluation(job.model, version, own if examples is None else examples, folder, source)
    return job.run("evaluate", PYTHONVERBOSE="1")


def test_the_test_split_is_scored_by_running_the_model_and_without_torch(trained):
    job, *_ = trained
    assert evaluate(trained, "test_split") == 0, job.log.read_text()
    report = job.report
    assert (report.protocol, report.example_count) == ("test_split", 5)
    assert {"map_50", "map_50_95", "precision", "recall", "f1", "classification_loss", "localization_loss"} <= report.metrics.keys()
    assert [row.label for row in report.labels] == ["circle", "square"]
    assert set(report.details["labels"]) <= {"circle", "square"}
    assert report.details["model_size_bytes"] > 1_000_000
    assert "import 'torch'" not in job.log.read_text()
    rows = pyarrow.parquet.read_table(job.base / "processing" / "output" / "report" / "predictions.parquet")
    assert {"path", "label", "predicted", "confidence", "correct", "left", "bottom"} <= set(rows.column_names)
    assert rows.num_rows > 5


def test_held_out_detections_give_the_metrics_of_the_manifest(trained):
    job, *_ = trained
    assert evaluate(trained, "held_out") == 0, job.log.read_text()
    assert job.report.protocol == "held_out_validation"
    for name in ("map_50", "map_50_95", "recall", "total_loss"):
        assert job.report.metrics[name] == pytest.approx(job.manifest.metrics[f"valid_{name}"], abs=2e-3)


def test_nothing_to_score_is_a_failure_with_a_hint(trained):
    job, _, examples, _ = trained
    assert evaluate(trained, "test_split", [e.model_copy(update={"split": "train"}) for e in examples]) == 1
    assert (job.failure.code, bool(job.failure.hint)) == ("evaluation.no_examples", True)


def test_unusable_pictures_and_annotations_are_reported_and_the_rest_is_learnt(tmp_path):
    folder = write(tmp_path / "shapes", 16)
    raw = (folder / "shape-0.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(raw[: len(raw) // 2])
    (folder / "broken.jpg").write_bytes((folder / "shape-1.jpg").read_bytes() + b" ")
    (folder / "broken.xml").write_text("<annotation><object>")
    (folder / "copy.jpg").write_bytes((folder / "shape-2.jpg").read_bytes())
    Image.new("RGB", (30, 30)).save(folder / "tiny.png")
    for name in ("cut", "copy", "tiny"):
        shutil.copy(folder / "shape-2.xml", folder / f"{name}.xml")
    wild = (folder / "shape-3.xml").read_text().replace("<xmax>", "<xmax>9")
    (folder / "shape-3.xml").write_text(wild)
    (folder / "unlabelled.png").write_bytes(raw)
    job, *_ = lay_out(tmp_path / "job", folder, **SHORTEST)
    assert job.run("train") == 0, job.log.read_text()
    told = job.health
    codes = {p.path: p.code for p in told.problems if p.is_excluded}
    assert codes.pop("copy.jpg", None) == "duplicate" or codes.pop("shape-2.jpg", None) == "duplicate"
    assert codes == {"cut.jpg": "corrupt", "broken.jpg": "annotation_broken", "tiny.png": "too_small"}
    assert [p.code for p in told.problems if p.path == "shape-3.jpg"] == ["box_clipped"]


def test_what_is_left_must_be_enough(tmp_path):
    folder = write(tmp_path / "shapes", 8)
    for number in range(4, 8):
        (folder / f"shape-{number}.xml").write_text("<annotation></annotation>")
    job, *_ = lay_out(tmp_path / "job", folder)
    assert job.run("train") == 1
    assert (job.failure.code, bool(job.failure.hint)) == ("dataset.too_few_examples", True)
    assert "Traceback" not in job.log.read_text()


def wait_for_metrics(job, process, count, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if len(job.lines("metric")) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(job.log.read_text())


def test_a_stopped_training_keeps_its_best_model_and_a_killed_one_goes_on(tmp_path):
    job, *_ = lay_out(tmp_path / "job", write(tmp_path / "shapes", 12), hyper_parameters={"epochs": 400, "batch_size": 4})
    process = job.start("train")
    wait_for_metrics(job, process, 2)
    process.kill()
    process.wait()
    assert (job.base / "checkpoints" / "best" / "model.onnx").exists()
    process = job.start("train", job.log)
    wait_for_metrics(job, process, 1)
    assert any("goes on after round" in line["message"] for line in job.lines("note"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=110) == 0, job.log.read_text()
    assert (job.manifest.is_final, job.manifest.stop_reason) == (True, "stop_requested")
    assert [line["epoch"] for line in job.manifest.history][:2] == [1, 2]


def test_a_training_goes_on_from_a_base_model_and_compares_on_the_old_pictures(trained, tmp_path):
    base, *_ = trained
    folder = write(tmp_path / "more", 16, ("circle", "triangle"), seed=5)
    job, *_ = lay_out(tmp_path / "job", folder, hyper_parameters={"epochs": 2, "batch_size": 4})
    job.adopt_base(base)
    assert job.run("train") == 0, job.log.read_text()
    assert job.manifest.labels == ["circle", "square", "triangle"]
    compared = job.manifest.base_model
    assert compared is not None
    assert (compared.metric, compared.example_count > 0) == ("map_50", True)
    assert compared.accuracy_before == pytest.approx(base.manifest.metrics["valid_map_50"], abs=0.02)


def test_two_processes_learn_what_one_learns(tmp_path):
    folder = write(tmp_path / "shapes", 12)
    histories = []
    for processes in (1, 2):
        job, *_ = lay_out(tmp_path / str(processes), folder, hyper_parameters={"epochs": 1, "batch_size": 4}, max_runtime_s=600)
        assert job.run("train", DROPLEARN_PROCESSES_PER_HOST=str(processes)) == 0, job.log.read_text()
        histories.append(job.manifest.history)
    for one, two in zip(*histories, strict=True):
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=0.02)
        assert two["valid_total_loss"] == pytest.approx(one["valid_total_loss"], rel=0.05)
        assert two["valid_map_50"] == pytest.approx(one["valid_map_50"], abs=0.15)
