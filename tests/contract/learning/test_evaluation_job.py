"""The evaluation program as SageMaker runs it."""

import json

import pyarrow.parquet
import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import labelled_files, make_version, splits_of
from droplearn.contracts.training import Failure, TaskSettings
from tests.contract.learning.conftest import write
from tests.pictures import picture


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model with a test split of three pictures."""
    folder = write(tmp_path_factory.mktemp("pictures"), 6)
    files = labelled_files(folder)
    version, examples = make_version(folder, files, splits_of(files, 0.25, 0, test=[0, 6, 12]), "v-1")
    job = LocalJob(tmp_path_factory.mktemp("job"))
    job.write_channel(version, examples, folder)
    job.write_request(TaskSettings(), "v-1")
    assert job.run("train") == 0, job.log.read_text()
    return job, version, examples, folder


def table(job):
    return pyarrow.parquet.read_table(job.base / "processing" / "output" / "report" / "predictions.parquet")


def test_test_split_is_scored_by_running_the_model(trained):
    job, version, examples, folder = trained
    job.write_evaluation(job.model, version, examples, folder, "test_split")
    assert job.run("evaluate") == 0, job.log.read_text()
    assert (job.report.protocol, job.report.example_count, job.report.bad_case_count) == ("test_split", 3, 0)
    assert job.report.metrics["top1_accuracy"] == 1.0
    assert job.report.confusion_matrix == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert [label.label for label in job.report.labels] == job.manifest.labels


def test_held_out_predictions_give_the_metrics_of_the_manifest(trained):
    job, version, examples, folder = trained
    job.write_evaluation(job.model, version, examples, folder, "held_out")
    assert job.run("evaluate") == 0, job.log.read_text()
    assert (job.report.protocol, job.report.example_count) == ("cross_validation", 15)
    for name in ("top1_accuracy", "macro_f1"):
        assert job.report.metrics[name] == pytest.approx(job.manifest.metrics[f"valid_{name}"], abs=1e-4)
    rows = table(job)
    assert rows.column_names == ["path", "label", "predicted", "confidence", "correct", "probabilities"]
    assert rows.num_rows == 15
    assert all(len(row) == 3 and abs(sum(row) - 1) < 1e-3 for row in rows["probabilities"].to_pylist())


def test_another_dataset_is_scored_where_the_model_knows_the_labels(trained, tmp_path):
    job, *_ = trained
    folder = write(tmp_path / "other", 2, labels=("circle", "square"), first=70)
    (folder / "hexagon").mkdir()
    (folder / "hexagon" / "1.jpg").write_bytes(picture("triangle", 99))
    (folder / "circle" / "broken.jpg").write_bytes(b"broken")
    files = labelled_files(folder)
    version, examples = make_version(folder, files, ["train"] * len(files), "v-other")
    job.write_evaluation(job.model, version, examples, folder, "all_examples")
    assert job.run("evaluate") == 0, job.log.read_text()
    assert (job.report.protocol, job.report.example_count, job.report.skipped_count) == ("other_dataset", 4, 2)
    assert any("1 unknown_label" in told and "1 wrong_format" in told for told in job.report.warnings)


def test_nothing_to_score_is_a_failure_with_a_hint(trained):
    job, version, examples, folder = trained
    unknown = [example.model_copy(update={"label": "hexagon"}) for example in examples]
    job.write_evaluation(job.model, version, unknown, folder, "all_examples")
    assert job.run("evaluate") == 1
    told = Failure.model_validate_json((job.base / "output" / "failure").read_text().splitlines()[0])
    assert (told.code, bool(told.hint)) == ("evaluation.no_examples", True)
    assert json.loads(job.log.read_text().splitlines()[-1])["event"] == "failure"


def test_evaluation_imports_no_torch(trained):
    job, version, examples, folder = trained
    job.write_evaluation(job.model, version, examples, folder, "test_split")
    assert job.run("evaluate", PYTHONVERBOSE="1") == 0
    assert "import 'torch'" not in job.log.read_text()
