"""Training and evaluation of OCR as SageMaker runs them: processes, files, signals."""

import json
import signal
import time

import numpy as np
import pyarrow.parquet
import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.ocr.sample import draw_page, write_sample
from droplearn.scenarios.ocr.serving import load
from tests.unit.ocr.test_page_predictor import png

NAME = "ocr"


def lay_out(base, folder, **settings):
    chosen = TaskSettings(**{"validation_fraction": 0.3, **settings})
    version, examples = freeze_folder(folder, NAME, chosen)
    job = LocalJob(base, NAME)
    job.write_channel(version, examples, folder)
    job.write_request(chosen, version.version_id)
    return job, version, examples


def wait_for(job, words, process, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if words in job.log.read_text():
            return
        time.sleep(0.02)
    raise AssertionError(job.log.read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of six receipts; two more pages are broken."""
    folder = write_sample(tmp_path_factory.mktemp("receipts"), count=6)
    (folder / "cut.jpg").write_bytes((folder / "page-00.jpg").read_bytes()[:900])
    (folder / "cut.xml").write_bytes((folder / "page-00.xml").read_bytes())
    (folder / "odd.png").write_bytes((folder / "page-01.jpg").read_bytes())
    (folder / "odd.xml").write_text("<annotation><object>")
    job, version, examples = lay_out(tmp_path_factory.mktemp("job"), folder)
    assert job.run("train") == 0, job.log.read_text()
    return job, version, examples, folder


def test_receipts_become_a_model_with_fields_and_candidates(trained):
    manifest = trained[0].manifest
    assert (manifest.is_final, manifest.labels) == (True, ["address", "company", "date", "total"])
    assert manifest.metrics["valid_line_accuracy"] > 0.9
    assert manifest.metrics["valid_field_macro_f1"] > 0.5
    assert {f.role for f in manifest.files} == {"detector", "recogniser", "fields", "weights", "held_out_predictions"}
    assert {c.name for c in manifest.candidates} >= {"untouched_recogniser", "tuned_recogniser", "fields_strength_3"}
    stages = [line["stage"] for line in trained[0].lines("metric")]
    assert stages[0] == "read", "the untouched model was there before the fields were"


def test_broken_pages_are_left_out_and_reported(trained):
    report = trained[0].health
    assert {p.path: p.code for p in report.problems if p.is_excluded} == {"cut.jpg": "corrupt", "odd.png": "annotation_broken"}
    assert (report.checked_count, report.excluded_count) == (8, 2)
    assert "at least 50" in report.warnings[0]


def evaluate(trained, source):
    job, version, examples, folder = trained
    job.write_evaluation(job.model, version, examples, folder, source)
    assert job.run("evaluate") == 0, job.log.read_text()
    return job.report, pyarrow.parquet.read_table(job.base / "processing" / "output" / "report" / "predictions.parquet").to_pylist()


def test_held_out_pages_are_scored_with_precision_and_recall_of_each_field(trained):
    report, rows = evaluate(trained, "held_out")
    assert report.protocol == "cross_validation"
    assert {f"valid_{name}": value for name, value in report.metrics.items()} == pytest.approx(trained[0].manifest.metrics, abs=1e-5)
    assert set(report.details["fields"]) == {"address", "company", "date", "total"}
    assert {"precision", "recall", "f1", "support"} <= report.details["fields"]["total"].keys()
    assert report.bad_case_count == sum(not row["correct"] for row in rows)
    assert "total" in json.loads(rows[0]["label"])


def test_another_dataset_is_read_anew(trained):
    report, rows = evaluate(trained, "all_examples")
    assert (report.protocol, report.example_count, report.skipped_count) == ("other_dataset", 6, 2)
    assert report.metrics["line_accuracy_end_to_end"] > 0.9
    assert any("learnt from this" in warning for warning in report.warnings)
    assert [row["path"] for row in rows] == sorted(row["path"] for row in rows)


def test_the_saved_folder_answers_without_rapidocr(trained):
    job = trained[0]
    image, lines, values = draw_page(np.random.default_rng(5))
    body = load(job.model, job.manifest).predict(png(np.asarray(image)), {}).body
    assert [e["label"].replace(" ", "") for e in body if e["kind"] == "line"] == [line.text.replace(" ", "") for line in lines]
    assert {e["key"] for e in body if e["kind"] == "field"} & values.keys()


def test_a_killed_training_does_not_read_its_pages_again(trained, tmp_path):
    job, _, _ = lay_out(tmp_path, trained[3])
    process = job.start("train")
    wait_for(job, "first model saved", process)
    process.kill()
    process.wait()
    read = next((job.base / "checkpoints").glob("pages-*.jsonl")).read_text().splitlines()
    assert job.run("train") == 0, job.log.read_text()
    assert next((job.base / "checkpoints").glob("pages-*.jsonl")).read_text().splitlines()[: len(read)] == read
    assert job.manifest.metrics == trained[0].manifest.metrics, "the same seed gives the same model"
    files = [{f.name: f.sha256 for f in j.manifest.files} for j in (job, trained[0])]
    assert files[0] == files[1]


def test_lines_of_handwriting_are_tuned_and_compared_and_a_stop_keeps_the_model(tmp_path):
    folder = write_sample(tmp_path / "pages", count=4, form="lines")
    job, _, _ = lay_out(tmp_path / "job", folder, options={"scene": "handwriting"}, hyper_parameters={"epochs": 1, "batch_size": 4})
    assert job.run("train") == 0, job.log.read_text()
    manifest = job.manifest
    tuned = next(c for c in manifest.candidates if c.name == "tuned_recogniser")
    assert {"valid_line_accuracy", "made_up_line_accuracy"} <= tuned.metrics.keys()
    assert manifest.labels == []
    assert (manifest.preprocessing["scene"], manifest.metrics_protocol, manifest.stop_reason) == ("handwriting", "validation", "converged")

    endless, _, _ = lay_out(
        tmp_path / "endless", folder, options={"scene": "handwriting"}, hyper_parameters={"epochs": 1000, "batch_size": 4}
    )
    process = endless.start("train")
    wait_for(endless, '"train_loss"', process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(110) == 0, endless.log.read_text()
    assert (endless.manifest.stop_reason, endless.manifest.is_final) == ("stop_requested", True)


def test_incremental_training_keeps_old_pages_and_compares_them(trained, tmp_path):
    folder = write_sample(tmp_path / "new", seed=7, count=3)
    job, _, _ = lay_out(tmp_path / "job", folder)
    job.adopt_base(trained[0])
    assert job.run("train") == 0, job.log.read_text()
    comparison = job.manifest.base_model
    assert comparison.metric == "field_macro_f1"
    assert comparison.example_count >= 4
    assert job.manifest.labels == ["address", "company", "date", "total"]


@pytest.mark.parametrize(("text", "count", "code"), [("", 4, "dataset.empty"), ("<name>a</name>", 2, "dataset.too_few_examples")])
def test_a_dataset_without_enough_text_fails_with_a_hint(tmp_path, text, count, code):
    folder = write_sample(tmp_path / "pages", count=4, form="lines")
    for number in range(4):
        box = "<bndbox><xmin>9</xmin><ymin>9</ymin><xmax>90</xmax><ymax>40</ymax></bndbox>"
        content = f"<object>{text}{box}</object>" if number < count and text else ""
        (folder / f"page-{number:02d}.xml").write_text(f"<annotation>{content}</annotation>")
    job, _, _ = lay_out(tmp_path / "job", folder)
    assert job.run("train") == 1
    assert job.failure.code == code
    assert job.failure.hint
