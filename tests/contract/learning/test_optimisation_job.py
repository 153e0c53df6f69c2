"""The optimisation program as SageMaker runs it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import labelled_files, make_version, splits_of
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.training import Failure, TaskSettings
from server.prediction import load_prediction
from server.settings import Settings
from tests.contract.learning.conftest import write
from tests.pictures import picture


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small model, and what it learnt from."""
    folder = write(tmp_path_factory.mktemp("pictures"), 6)
    files = labelled_files(folder)
    version, examples = make_version(folder, files, splits_of(files, 0.25, 0), "v-1")
    job = LocalJob(tmp_path_factory.mktemp("job"))
    job.write_channel(version, examples, folder)
    job.write_request(TaskSettings(), "v-1")
    assert job.run("train") == 0, job.log.read_text()
    return job, version, examples, folder


@pytest.fixture(scope="module")
def optimised(trained):
    job, version, examples, folder = trained
    job.write_optimisation(job.model, version, examples, folder)
    assert job.run("optimise") == 0, job.log.read_text()
    return job


def unpacked(job: LocalJob, name: str, target: Path) -> ModelManifest:
    with tarfile.open(job.base / "processing" / "output" / "report" / name / "model.tar.gz") as archive:
        archive.extractall(target, filter="data")
    return ModelManifest.from_json((target / "model.json").read_bytes())


def test_each_variant_is_measured_beside_the_model_and_says_what_it_gains(optimised):
    report = optimised.optimisation
    assert (report.metric, report.protocol, report.example_count) == ("top1_accuracy", "training_examples", 5)
    int8, fp16 = report.variants
    assert (int8.name, int8.is_published, fp16.name, fp16.is_published) == ("int8", True, "fp16", True), report
    assert int8.measured.size_bytes < 0.35 * report.baseline.size_bytes
    assert fp16.measured.size_bytes < 0.55 * report.baseline.size_bytes
    assert int8.measured.latency_ms > 0
    assert report.baseline.memory_mb * 1e6 > report.baseline.size_bytes
    assert int8.measured.memory_mb < report.baseline.memory_mb
    assert 0 < fp16.largest_difference < int8.largest_difference < 0.5
    assert "times smaller" in int8.reason
    assert any("too few" in told for told in report.warnings)
    assert {line["stage"] for line in optimised.lines("progress")} >= {"optimise_int8", "optimise_fp16"}


@pytest.mark.parametrize("name", ["int8", "fp16"])
def test_a_published_variant_is_a_whole_model_that_the_server_loads(optimised, tmp_path, name):
    manifest = unpacked(optimised, name, tmp_path)
    assert manifest.variant == name
    assert {file.role for file in manifest.files}.isdisjoint({"weights", "held_out_predictions"})
    prediction = load_prediction(Settings(model_dir=tmp_path))
    answer = json.loads(prediction.answer(picture("square", 901), "image/jpeg", {}, float("inf")))
    assert answer["result"]["output"][0]["body"][0]["label"] == "square"


def test_without_time_for_the_first_measurement_the_job_fails_with_a_hint(trained):
    job, version, examples, folder = trained
    job.write_optimisation(job.model, version, examples, folder, max_runtime_s=1)
    assert job.run("optimise") == 1
    told = Failure.model_validate_json((job.base / "output" / "failure").read_text().splitlines()[0])
    assert (told.code, "max_runtime_s" in told.hint) == ("optimisation.out_of_time", True)
