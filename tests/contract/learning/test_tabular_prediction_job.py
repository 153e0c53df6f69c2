"""Training and evaluation of tables as SageMaker runs them: processes, folders, signals."""

import signal
import time
from pathlib import Path

import pyarrow.parquet
import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from droplearn.contracts.evaluation import EvaluationCurves
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.tabular_prediction.sample import write_sample
from droplearn.scenarios.tabular_prediction.serving import load
from tests.contract.learning.conftest import STOPPED_S

SCENARIO = "tabular_prediction"
QUICK = {"hyper_parameters": {"epochs": 1}}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, seed=1, rows=120)
    return folder


@pytest.fixture
def new_job(tmp_path):
    def make(folder: Path, name: str = "job", **settings) -> LocalJob:
        return lay_out(tmp_path / name, folder, **settings)

    return make


def lay_out(base: Path, folder: Path, **settings) -> LocalJob:
    job, chosen = LocalJob(base, SCENARIO), TaskSettings(**settings)
    version, examples = freeze_folder(folder, SCENARIO, chosen)
    job.write_channel(version, examples, folder)
    job.write_request(chosen, version.version_id)
    return job


def score(job: LocalJob, folder: Path, source: str) -> int:
    version, examples = freeze_folder(folder, SCENARIO)
    job.write_evaluation(job.model, version, examples, folder, source)
    return job.run("evaluate")


def table(folder: Path, text: str, name: str = "table.csv") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, sample):
    job = lay_out(tmp_path_factory.mktemp("trained"), sample, hyper_parameters={"epochs": 2})
    assert job.run("train") == 0, job.log.read_text()
    return job


def test_a_table_becomes_a_model_that_says_why_it_is_a_classification(trained):
    manifest = trained.manifest
    assert (manifest.labels, manifest.is_final, manifest.stop_reason) == (["no", "yes"], True, "epochs_done")
    assert "values are words" in manifest.preprocessing["problem_reason"]
    assert manifest.metrics["valid_roc_auc"] > 0.75
    assert {c.name for c in manifest.candidates} == {"floor", "linear", "catboost_one_hot"}
    assert manifest.preprocessing["columns"]["customer_id"] == "ignored"
    assert next(iter(manifest.preprocessing["importance"]["columns"])) == "satisfaction"
    assert any("customer_id" in warning for warning in trained.health.warnings)


def test_no_file_of_the_fast_preset_is_a_pickle(trained):
    assert {Path(file.name).suffix for file in trained.manifest.files} <= {".json", ".npz", ".txt", ".cbm", ".parquet"}


def test_the_same_seed_gives_the_same_model(trained, new_job, sample):
    again = new_job(sample, hyper_parameters={"epochs": 2})
    assert again.run("train") == 0
    assert again.manifest.metrics == trained.manifest.metrics


def test_held_out_rows_give_the_metrics_of_the_manifest(trained, sample):
    assert score(trained, sample, "held_out") == 0, trained.log.read_text()
    report = trained.report
    assert (report.protocol, report.example_count) == ("cross_validation", 120)
    for name in ("roc_auc", "log_loss", "accuracy", "macro_f1"):
        assert report.metrics[name] == pytest.approx(trained.manifest.metrics[f"valid_{name}"], abs=1e-5)
    assert report.details["importance"]["columns"]
    assert report.model_size_bytes == trained.manifest.served_size_bytes > 0
    low, high = report.intervals["accuracy"]
    assert low <= report.metrics["accuracy"] <= high
    files = trained.base / "processing" / "output" / "report"
    assert len(EvaluationCurves.from_json((files / "curves.json").read_bytes()).labels) == len(report.labels)
    assert len((files / "bad_cases.jsonl").read_text().splitlines()) == report.bad_case_count
    assert sum(map(sum, report.confusion_matrix)) == 120
    rows = pyarrow.parquet.read_table(trained.base / "processing" / "output" / "report" / "predictions.parquet")
    assert rows.column_names == ["row", "label", "predicted", "confidence", "correct", "probabilities"]


def test_another_table_is_scored_by_running_the_model(trained, tmp_path):
    write_sample(tmp_path / "later", seed=9, rows=60)
    text = (tmp_path / "later" / "customers.csv").read_text().replace(",yes\n", ",perhaps\n", 1)
    (tmp_path / "later" / "customers.csv").write_text(text)
    assert score(trained, tmp_path / "later", "all_examples") == 0, trained.log.read_text()
    assert (trained.report.protocol, trained.report.example_count, trained.report.skipped_count) == ("other_dataset", 59, 1)
    assert any("1 unknown_label" in warning for warning in trained.report.warnings)
    assert trained.report.metrics["roc_auc"] > 0.7


def test_a_table_without_a_needed_column_is_refused_by_its_name(trained, tmp_path):
    assert score(trained, table(tmp_path / "bad", "age,left\n3,yes\n"), "all_examples") == 1
    assert trained.failure.code == "evaluation.missing_column"
    assert "satisfaction" in trained.failure.message


def test_the_served_model_answers_as_the_evaluated_one(trained, sample):
    predictor = load(trained.model, trained.manifest)
    predictor.warm_up()
    answer = predictor.predict((sample / "customers.csv").read_bytes(), {})
    assert answer.meta == {"rows": 120}
    assert all(entry["probabilities"][entry["label"]] == entry["conf"] for entry in answer.body)


def test_a_regression_is_learnt_and_reported_with_its_residuals(new_job, sample):
    job = new_job(sample, options={"target": "satisfaction", "metric": "mae"}, test_fraction=0.2, **QUICK)
    assert job.run("train") == 0, job.log.read_text()
    assert job.manifest.labels == []
    assert "mae was asked for" in job.manifest.preprocessing["problem_reason"]
    assert score(job, sample, "held_out") == 0, job.log.read_text()
    assert (job.report.protocol, job.report.example_count, job.report.bad_case_count) == ("test_split", 24, None)
    assert job.report.metrics.keys() == {"rmse", "mae", "r2"}
    assert job.report.metrics["r2"] > 0.3
    assert job.report.details["residual_quantiles"].keys() >= {"0.05", "0.5", "0.95"}
    value = load(job.model, job.manifest).predict((sample / "customers.csv").read_bytes(), {}).body[0]["value"]
    assert 0 < value < 10


@pytest.mark.parametrize(
    ("text", "settings", "code"),
    [
        ("", {}, "dataset.empty"),
        ("a,b\n", {}, "dataset.empty"),
        ("a,b\n1,x\n2,y\n", {}, "dataset.too_few_examples"),
        ("a,b\n" + "1,x\n" * 30, {}, "dataset.one_label"),
        ("a,b\n" + "1,x\n1,y\n" * 30, {}, "dataset.no_columns"),
        ("a,b\n" + "1,x\n2,y\n" * 30, {"options": {"target": "c"}}, "option.unknown_column"),
        ("a\tb\x00\n1\t2\n", {}, "dataset.unreadable_table"),
    ],
)
def test_a_useless_table_is_a_failure_with_a_hint(new_job, tmp_path, text, settings, code):
    job = new_job(table(tmp_path / "data", text), **settings)
    assert job.run("train") == 1
    assert (job.failure.code, bool(job.failure.hint)) == (code, True)
    assert "Traceback" not in job.log.read_text()


def test_ragged_rows_and_missing_targets_are_excluded_and_reported(new_job, tmp_path):
    rows = "".join(f"{i % 7},{i % 3},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(60))
    job = new_job(table(tmp_path / "data", "a,b,t\n" + rows + "1,2\n3,1,\n"), **QUICK)
    assert job.run("train") == 0, job.log.read_text()
    assert job.health.problem_counts == {"ragged_row": 1, "no_target": 1}
    assert job.health.problems[0].path == "table.csv"


def test_a_stop_keeps_the_model(new_job, sample):
    job = new_job(sample)
    process = job.start("train")
    end = time.monotonic() + 180
    while not (job.model / "model.json").exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPPED_S) == 0, job.log.read_text()
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("stop_requested", True)


def test_a_killed_training_takes_up_the_members_that_it_had_finished(new_job, sample, trained):
    job = new_job(sample, hyper_parameters={"epochs": 2})
    process = job.start("train")
    end = time.monotonic() + 180
    while not (job.base / "checkpoints" / "members" / "linear" / "member.json").exists() and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    made = (job.base / "checkpoints" / "members" / "linear" / "member.json").stat().st_mtime_ns
    assert job.run("train") == 0, job.log.read_text()
    assert (job.base / "checkpoints" / "members" / "linear" / "member.json").stat().st_mtime_ns == made
    assert job.manifest.metrics == trained.manifest.metrics


def test_incremental_training_learns_old_and_new_rows_and_compares_the_old(new_job, sample, trained, tmp_path):
    write_sample(tmp_path / "more", seed=5, rows=60)
    job = new_job(tmp_path / "more", **QUICK)
    job.adopt_base(trained)
    assert job.run("train") == 0, job.log.read_text()
    assert job.manifest.preprocessing["row_count"] == 180
    assert job.manifest.base_model.example_count == 120
    assert job.manifest.base_model.metric == "accuracy"


def test_max_runtime_ends_training_with_a_model(new_job, sample):
    job = new_job(sample, max_runtime_s=60)
    assert job.run("train", DROPLEARN_EXPORT_RESERVE_S="54") == 0, job.log.read_text()
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("max_runtime", True)


def test_an_altered_file_is_not_loaded(trained, tmp_path):
    for file in trained.model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    member = next(f for f in tmp_path.iterdir() if f.name.startswith("linear.0"))
    member.write_bytes(member.read_bytes()[:-1] + b"x")
    with pytest.raises(Exception, match="differs from its digest"):
        load(tmp_path, trained.manifest)


def test_progress_is_printed_as_curves(trained):
    lines = trained.manifest.history
    assert [line["epoch"] for line in lines] == [0, 1, 2]
    assert all({"valid_loss", "valid_roc_auc"} <= line.keys() for line in lines)
