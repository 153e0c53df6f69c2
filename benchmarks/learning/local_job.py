"""A SageMaker job's folder on this machine: filled, and the trainer or the evaluator run on it as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.learning.local_version import ROOT, SCENARIO, let_control_plane_in
from droplearn.contracts.dataset import DatasetVersion, HealthReport, VersionExample
from droplearn.contracts.evaluation import EvaluationReport, EvaluationRequest
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.optimisation import OptimisationReport, OptimisationRequest
from droplearn.contracts.training import BaseModelRef, Failure, TaskSettings, TrainingRequest


@dataclass
class LocalJob:
    """The base directory of one job."""

    base: Path
    scenario: str = SCENARIO

    def write_channel(self, version: DatasetVersion, examples: Sequence[VersionExample], images: Path, prefix: str = "") -> None:
        """`dataset` and `images` (by a link), or `base_dataset` and `base_images`."""
        self._write_version(self.base / "input" / "data" / f"{prefix}dataset", version, examples)
        link = self.base / "input" / "data" / f"{prefix}images"
        link.unlink(missing_ok=True)
        link.symlink_to(images.resolve())

    def write_request(self, settings: TaskSettings, version_id: str, base: ModelManifest | None = None) -> None:
        """hyperparameters.json."""
        request = TrainingRequest(
            task_id="task-01local",
            scenario=self.scenario,
            dataset_version=version_id,
            settings=settings,
            base_model=BaseModelRef(model_id=base.model_id, dataset_version=base.dataset_version) if base else None,
            code_version="local",
        )
        file = self.base / "input" / "config" / "hyperparameters.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"request": request.to_json()}))

    def adopt_base(self, base: LocalJob, model: Path | None = None) -> None:
        """Continue from another job's model, its examples included; writes the request anew."""
        data = self.base / "input" / "data"
        for name, target in (
            ("base_model", model or base.model),
            ("base_dataset", base.base / "input" / "data" / "dataset"),
            ("base_images", base.base / "input" / "data" / "images"),
        ):
            (data / name).unlink(missing_ok=True)
            (data / name).symlink_to(target.resolve())
        file = self.base / "input" / "config" / "hyperparameters.json"
        request = TrainingRequest.from_json(json.loads(file.read_text())["request"])
        self.write_request(request.settings, request.dataset_version, base.manifest)

    def write_evaluation(
        self,
        model: Path,
        version: DatasetVersion,
        examples: Sequence[VersionExample],
        images: Path,
        source: str,
        model_id: str = "model-01local",
    ) -> None:
        """The inputs of a processing job."""
        inputs = self.base / "processing" / "input"
        self._write_version(inputs / "dataset", version, examples)
        for name, target in (("images", images), ("model", model)):
            (inputs / name).unlink(missing_ok=True)
            (inputs / name).symlink_to(target.resolve())
        request = EvaluationRequest(
            evaluation_id="eval-01local",
            model_id=model_id,
            scenario=self.scenario,
            dataset_version=version.version_id,
            source=source,  # type: ignore[arg-type]
            code_version="local",
        )
        (inputs / "request").mkdir(exist_ok=True)
        (inputs / "request" / "request.json").write_text(request.to_json())

    def write_optimisation(
        self,
        model: Path,
        version: DatasetVersion,
        examples: Sequence[VersionExample],
        images: Path,
        variants: Sequence[str] = ("int8", "fp16"),
        **fields: Any,
    ) -> None:
        """The inputs of a processing job that makes variants. Which examples it looks at: as the control plane chooses them."""
        self.write_evaluation(model, version, examples, images, "all_examples")
        chosen = _chosen(examples, ModelManifest.from_json((model / "model.json").read_bytes()))
        given = {"tolerance": 0.01, "max_runtime_s": 600} | chosen
        request = OptimisationRequest(
            task_id="task-01local",
            model_id="model-01local",
            scenario=self.scenario,
            dataset_version=version.version_id,
            variants=list(variants),  # type: ignore[arg-type]
            code_version="local",
            **(given | fields),
        )
        (self.base / "processing" / "input" / "request" / "request.json").write_text(request.to_json())

    def start(self, command: str, log: Path | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """`train`, `evaluate` or `optimise` as a process; stdout and stderr go to `log`."""
        path = os.pathsep.join(str(ROOT / part) for part in ("src", "training_container"))
        told = os.environ | {"SAGEMAKER_BASE_DIR": str(self.base), "PYTHONPATH": path, "PYTHONWARNINGS": "default"} | environment
        with (log or self.log).open("wb") as out:
            return subprocess.Popen([sys.executable, "-m", "trainer", command], env=told, stdout=out, stderr=subprocess.STDOUT)

    def run(self, command: str, **environment: str) -> int:
        """The exit status."""
        return self.start(command, **environment).wait()

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.base / "log.jsonl"

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Of this event, so far."""
        printed = [line for line in self.log.read_text("utf-8").splitlines() if line.startswith("{") and line.endswith("}")]
        return [told for told in map(json.loads, printed) if told["event"] == event]

    @property
    def model(self) -> Path:
        """/opt/ml/model."""
        return self.base / "model"

    @property
    def manifest(self) -> ModelManifest:
        """Of the model."""
        return ModelManifest.from_json((self.model / "model.json").read_bytes())

    @property
    def failure(self) -> Failure:
        """Why it ended without a result."""
        return Failure.model_validate_json((self.base / "output" / "failure").read_text().splitlines()[0])

    @property
    def health(self) -> HealthReport:
        """Of the examples."""
        return HealthReport.from_json((self.base / "checkpoints" / "health.json").read_bytes())

    @property
    def report(self) -> EvaluationReport:
        """Of the evaluation."""
        return EvaluationReport.from_json((self.base / "processing" / "output" / "report" / "report.json").read_bytes())

    @property
    def optimisation(self) -> OptimisationReport:
        """Of the optimisation."""
        return OptimisationReport.from_json((self.base / "processing" / "output" / "report" / "optimisation.json").read_bytes())

    @staticmethod
    def _write_version(folder: Path, version: DatasetVersion, examples: Sequence[VersionExample]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "version.json").write_text(version.to_json())
        (folder / "examples.jsonl").write_text("".join(e.model_dump_json() + "\n" for e in examples))


def _chosen(examples: Sequence[VersionExample], manifest: ModelManifest) -> dict[str, Any]:
    let_control_plane_in()
    from chalicelib.domain.optimisation import choose_examples

    return choose_examples((e.model_dump() for e in examples), manifest.metrics_protocol == "validation")._asdict()
