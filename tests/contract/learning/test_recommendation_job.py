"""Recommendation as SageMaker runs it: processes, folders, signals."""

from __future__ import annotations

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from droplearn.contracts.dataset import HealthReport
from droplearn.contracts.evaluation import BadCase
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.recommendation.evaluation import MISSED, STRANGER
from droplearn.scenarios.recommendation.sample import write_sample
from droplearn.scenarios.recommendation.serving import TableRecommender


def lay_out(job: LocalJob, folder: Path, **settings: Any) -> LocalJob:
    chosen = TaskSettings(**settings)
    version, examples = freeze_folder(folder, "recommendation", chosen)
    job.write_channel(version, examples, folder)
    job.write_request(chosen, version.version_id)
    return job


def evaluate(job: LocalJob, folder: Path, source: str) -> LocalJob:
    version, examples = freeze_folder(folder, "recommendation")
    job.write_evaluation(job.model, version, examples, folder, source)
    assert job.run("evaluate") == 0, job.log.read_text()
    return job


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("log")
    write_sample(made)
    return made


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalJob:
    job = lay_out(LocalJob(tmp_path_factory.mktemp("trained"), "recommendation"), folder)
    assert job.run("train") == 0, job.log.read_text()
    return job


def test_the_best_candidate_on_held_out_items_is_chosen_and_becomes_tables(trained: LocalJob):
    manifest = trained.manifest
    assert (manifest.stop_reason, manifest.is_final, manifest.metrics_protocol) == ("converged", True, "validation")
    scores = [c.metrics["valid_ndcg_at_10"] for c in manifest.candidates]
    assert [c.is_chosen for c in manifest.candidates] == [True] + [False] * (len(scores) - 1)
    assert scores[0] == max(scores) == pytest.approx(manifest.metrics["valid_ndcg_at_10"])
    assert scores[0] > 1.2 * next(c.metrics["valid_ndcg_at_10"] for c in manifest.candidates if c.name == "popularity")
    tables = {f.name.removesuffix(".jsonl") for f in manifest.files if f.role == "table"}
    assert (
        tables
        == {"user_item", "item_item", "user_recommended", "user_topic", "topic_item", "popular"}
        == set(manifest.preprocessing["tables"])
    )


def test_the_evaluation_gives_the_figures_of_the_manifest(trained: LocalJob, folder: Path):
    report = evaluate(trained, folder, "held_out").report
    assert (report.protocol, report.example_count) == ("held_out_validation", 120)
    for name in ("ndcg_at_10", "recall_at_10", "precision_at_10", "coverage"):
        assert report.metrics[name] == pytest.approx(trained.manifest.metrics[f"valid_{name}"], abs=1e-5)
    assert set(report.intervals) == {"ndcg_at_10", "recall_at_10", "precision_at_10"}
    for name, (low, high) in report.intervals.items():
        assert low < report.metrics[name] < high


def test_a_test_split_is_kept_away_from_all_training(folder: Path, tmp_path: Path):
    job = lay_out(LocalJob(tmp_path, "recommendation"), folder, test_fraction=0.25)
    assert job.run("train") == 0, job.log.read_text()
    assert job.manifest.metrics_protocol == "test_split"
    report = evaluate(job, folder, "held_out").report
    assert report.protocol == "test_split"
    assert report.metrics["ndcg_at_10"] == pytest.approx(job.manifest.metrics["test_ndcg_at_10"], abs=1e-5)
    model = TableRecommender(job.model, job.manifest)
    lines = [json.loads(line) for line in (job.model / "held_out.jsonl").read_text().splitlines()[1:]]
    assert not any(set(line["relevant"]) & model.seen(line["user_id"]) for line in lines)


def test_the_same_seed_gives_the_same_tables(trained: LocalJob, folder: Path, tmp_path: Path):
    again = lay_out(LocalJob(tmp_path, "recommendation"), folder)
    assert again.run("train") == 0
    assert [f.sha256 for f in again.manifest.files] == [f.sha256 for f in trained.manifest.files]


def test_another_log_is_scored_by_what_the_model_recommends(trained: LocalJob, folder: Path, tmp_path: Path):
    model = TableRecommender(trained.model, trained.manifest)
    first, second = model.recommend("u0", 2)
    missed = "".join(f"{user},nothing that was ever sold\n" for user in ("u1", "another stranger"))
    popular = model.recommend("stranger", 1)[0]
    (tmp_path / "later.csv").write_text(f"user_id,item_id\nu0,{first}\nu0,{second}\nstranger,{popular}\n{missed}")
    report = evaluate(trained, tmp_path, "all_examples").report
    assert (report.protocol, report.example_count, report.metrics["recall_at_10"]) == ("other_dataset", 4, 0.5)
    assert any("2 of 4 users are unknown" in told for told in report.warnings)
    lines = (trained.base / "processing" / "output" / "report" / "bad_cases.jsonl").read_text().splitlines()
    cases = [BadCase.model_validate_json(line) for line in lines]
    assert [(case.path, case.predicted) for case in cases] == [("u1", MISSED), ("another stranger", STRANGER)]
    assert report.bad_case_count == 2
    assert cases[0].truth == "nothing that was ever sold"
    assert cases[0].given == ", ".join(model.recommend("u1", 10))


def test_repeated_use_is_recommended_where_it_is_asked_for(folder: Path, tmp_path: Path):
    job = lay_out(LocalJob(tmp_path, "recommendation"), folder, options={"exclude_seen": False})
    assert job.run("train") == 0, job.log.read_text()
    model = TableRecommender(job.model, job.manifest)
    users = [f"u{n}" for n in range(120)]
    assert any(set(model.recommend(user, 10)) & model.seen(user) for user in users)


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("log.csv", b"user_id,item_id\n", "dataset.too_few_examples"),
        ("log.csv", b"user_id,item_id\na,x\nb,x\n", "dataset.too_few_examples"),
        ("log.csv", b"name,price\na,1\n", "dataset.no_item_column"),
        ("log.parquet", b"PAR1 and nothing more", "dataset.unreadable_table"),
        ("items.csv", b"item_id,topics\na,x\n", "dataset.no_user_column"),
    ],
)
def test_a_log_that_cannot_be_learnt_says_why(tmp_path: Path, name: str, body: bytes, code: str):
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / name).write_bytes(body)
    job = lay_out(LocalJob(tmp_path / "job", "recommendation"), drop)
    assert job.run("train") == 1
    told = job.failure
    assert (told.code, bool(told.hint)) == (code, True)
    assert "Traceback" not in job.log.read_text()


def test_broken_rows_are_left_out_and_counted(folder: Path, tmp_path: Path):
    drop = tmp_path / "drop"
    drop.mkdir()
    text = (folder / "interactions.csv").read_text()
    (drop / "log.csv").write_text(text + "u1,,3,1\nu2\n")
    job = lay_out(LocalJob(tmp_path / "job", "recommendation"), drop)
    assert job.run("train") == 0, job.log.read_text()
    health = HealthReport.from_json((job.model / "health.json").read_bytes())
    assert health.excluded_count == 2
    assert any("user = user_id" in told for told in health.warnings)


def test_a_stop_keeps_the_best_model_so_far(tmp_path: Path):
    drop = tmp_path / "drop"
    write_sample(drop, users=3_000, items=500)
    job = lay_out(LocalJob(tmp_path / "job", "recommendation"), drop, preset="high_accuracy")
    process = job.start("train")
    best = job.base / "checkpoints" / "best" / "model.json"
    end = time.monotonic() + 180
    while not (best.exists() and "user_recommended" in best.read_text()) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, job.log.read_text()
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("stop_requested", True)
    assert TableRecommender(job.model, job.manifest).recommend("u0", 3)


def test_a_restart_keeps_what_there_was_until_it_is_done(folder: Path, tmp_path: Path):
    job = lay_out(LocalJob(tmp_path, "recommendation"), folder)
    assert job.run("train") == 0, job.log.read_text()
    first = (job.base / "checkpoints" / "best" / "user_recommended.jsonl").read_bytes()
    process = job.start("train")
    while process.poll() is None:
        assert (job.model / "user_recommended.jsonl").read_bytes() == first, "never popularity again"
        time.sleep(0.02)
    assert process.returncode == 0
    assert (job.manifest.stop_reason, job.manifest.is_final) == ("converged", True)


def test_a_model_grows_by_new_interactions_and_is_compared_on_those(trained: LocalJob, folder: Path, tmp_path: Path):
    drop = tmp_path / "drop"
    write_sample(drop, seed=1)
    (drop / "items.csv").unlink()
    job = lay_out(LocalJob(tmp_path / "job", "recommendation"), drop)
    job.adopt_base(trained)
    assert job.run("train") == 0, job.log.read_text()
    comparison = job.manifest.base_model
    assert comparison is not None
    assert (comparison.metric, comparison.example_count > 0) == ("ndcg_at_10", True)
    assert job.manifest.preprocessing["pairs"] > trained.manifest.preprocessing["pairs"]
    assert "topic_item" in job.manifest.preprocessing["tables"], "the base's items are read again, too"
    with (folder / "interactions.csv").open() as lines:
        old = next(row for row in csv.DictReader(lines) if row["user_id"] == "u3")
    assert old["item_id"] in TableRecommender(job.model, job.manifest).seen("u3")


def test_the_same_drop_on_top_of_its_own_model_adds_nothing(trained: LocalJob, folder: Path, tmp_path: Path):
    job = lay_out(LocalJob(tmp_path / "job", "recommendation"), folder)
    job.adopt_base(trained)
    assert job.run("train") == 0, job.log.read_text()
    assert job.manifest.preprocessing["pairs"] == trained.manifest.preprocessing["pairs"]
    assert job.manifest.base_model is not None
    assert job.manifest.base_model.example_count == 0
    assert any("could not be compared" in told for told in job.manifest.warnings)
