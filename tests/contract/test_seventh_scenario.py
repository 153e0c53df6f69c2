"""A scenario that nobody foresaw: one folder and one line in the registry, and everything knows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.serving.running_server import RunningServer

ROOT = Path(__file__).parents[2]
FOLDERS = ("functions", "training_container", "serving_container", "")

JOB = """
import sys
from pathlib import Path
from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from droplearn.contracts.training import TaskSettings
folder, base = Path(sys.argv[1]), Path(sys.argv[2])
version, examples = freeze_folder(folder, "text_length")
job = LocalJob(base, "text_length")
job.write_channel(version, examples, folder)
job.write_request(TaskSettings(), version.version_id)
assert job.run("train", PYTHONPATH=sys.argv[3]) == 0, job.log.read_text()
job.write_evaluation(job.model, version, examples, folder, "all_examples")
assert job.run("evaluate", PYTHONPATH=sys.argv[3]) == 0, job.log.read_text()
print(job.report.to_json())
"""
API = """
from chalicelib.api.scenarios import list_scenarios
from droplearn.cli.parser import make_parser
print([spec.name for spec in list_scenarios().scenarios])
make_parser().parse_args(["drop", ".", "--project", "p", "--dataset", "d", "--scenario", "text_length"])
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """PYTHONPATH of a checkout with the folder and the line."""
    source = tmp_path_factory.mktemp("checkout") / "src"
    shutil.copytree(ROOT / "src" / "droplearn", source / "droplearn", ignore=shutil.ignore_patterns("__pycache__"))
    scenarios = source / "droplearn" / "scenarios"
    shutil.copytree(Path(__file__).parent / "seventh_scenario" / "text_length", scenarios / "text_length")
    registry = (scenarios / "__init__.py").read_text()
    assert registry.count("        IMAGE_CLASSIFICATION,\n") == 1
    line = "        IMAGE_CLASSIFICATION, __import__('droplearn.scenarios.text_length', fromlist=['x']).TEXT_LENGTH,\n"
    (scenarios / "__init__.py").write_text(registry.replace("        IMAGE_CLASSIFICATION,\n", line))
    return os.pathsep.join([str(source), *(str(ROOT / folder) for folder in FOLDERS)])


def run(code: str, path: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_api_and_command_line_know_it(path: str) -> None:
    assert "'text_length'" in run(API, path)


def test_it_is_frozen_trained_evaluated_and_served(path: str, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    for label, length in (("short", 5), ("long", 200)):
        (folder / label).mkdir(parents=True)
        for n in range(5):
            (folder / label / f"{n}.txt").write_bytes(b"x" * (length + n))
    report = json.loads(run(JOB, path, str(folder), str(tmp_path / "job"), path).splitlines()[-1])
    assert (report["scenario"], report["example_count"], report["metrics"]["top1_accuracy"]) == ("text_length", 10, 1.0)
    with RunningServer(tmp_path / "job" / "model", {"PYTHONPATH": path}) as server:
        answer = server.wait_until_ready().predict_raw(b"y" * 150, "text/plain").json
    assert answer == {
        "success": True,
        "result": {"output": [{"type": "text_common", "body": [{"label": "long", "conf": 1.0}]}], "meta": {"bytes": 150}},
    }
