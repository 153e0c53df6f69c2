"""What the processing job of an optimisation is given, and what the model keeps of its report. No failure here loses a model."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.domain.failure import Problem
from chalicelib.domain.job_limits import GRACE_S
from chalicelib.domain.optimisation import choose_examples
from chalicelib.ports import Platform
from chalicelib.service.evaluation_plan import processing_input
from chalicelib.service.finding import find_model, find_task
from chalicelib.service.freezing import EXAMPLES, IMAGES, manifest_lines, read_version
from droplearn import __version__
from droplearn.contracts.errors import InternalError
from droplearn.contracts.optimisation import REPORT_FILE, OptimisationReport, OptimisationRequest
from droplearn.contracts.s3_layout import optimisation_prefix, version_prefix
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named

START_S = 3600
"""An instance may take so long to come."""


def plan_optimisation(platform: Platform, task_id: str, attempt: int, model_id: str) -> dict[str, Any]:
    """Raises InternalError (`version.lost`)."""
    task, model = find_task(platform, task_id), find_model(platform, model_id)
    wanted = TaskSettings.model_validate(task.settings).optimise
    files = version_prefix(model.dataset_version)
    version = read_version(platform.artifacts, model.dataset_version)
    chosen = choose_examples(map(json.loads, platform.artifacts.lines(files + EXAMPLES)), model.metrics_protocol == "validation")
    request = OptimisationRequest(
        task_id=task_id,
        model_id=model_id,
        scenario=model.scenario,
        dataset_version=model.dataset_version,
        variants=wanted.variants,
        tolerance=wanted.tolerance,
        max_runtime_s=wanted.max_runtime_s,
        protocol=chosen.protocol,
        calibration=chosen.calibration,
        held_out=chosen.held_out,
        code_version=__version__,
    )
    prefix, uri = optimisation_prefix(task_id, attempt), platform.artifacts.uri
    platform.artifacts.write(f"{prefix}request/request.json", request.to_json().encode())
    paths = dict.fromkeys([*chosen.calibration, *chosen.held_out, *version.annotation_files])
    platform.artifacts.write(f"{prefix}{IMAGES}", "".join(manifest_lines(version.source_uri, list(paths))).encode())
    spec = scenario_named(model.scenario).spec
    return {
        "job": f"{task_id}-a{attempt}-optimise",
        "inputs": [
            processing_input("request", "S3Prefix", uri(f"{prefix}request/")),
            processing_input("model", "S3Prefix", model.artifact_uri),
            processing_input("dataset", "S3Prefix", uri(files)),
            processing_input("images", "ManifestFile", uri(f"{prefix}{IMAGES}")),
        ],
        "report_uri": uri(f"{prefix}report"),
        "instance_type": spec.default_training_instance,
        "max_runtime_s": wanted.max_runtime_s + GRACE_S,
        "timeout_s": wanted.max_runtime_s + GRACE_S + START_S,
    }


def record_optimisation(platform: Platform, task_id: str, attempt: int, model_id: str) -> dict[str, Any]:
    """The model's `optimisation`: the report, with the place of each published variant. Raises InternalError (`optimisation.no_report`)."""
    prefix = f"{optimisation_prefix(task_id, attempt)}report/"
    body = platform.artifacts.read(f"{prefix}{REPORT_FILE}")
    if body is None:
        raise InternalError("optimisation.no_report", "The optimisation ended without a report.", hint="See the log of the processing job.")
    report = OptimisationReport.from_json(body)
    kept = report.model_dump(mode="json", exclude_none=True, exclude={"schema_version", "model_id", "scenario", "dataset_version"})
    for variant in kept["variants"]:
        if variant["is_published"]:
            variant["artifact_uri"] = platform.artifacts.uri(f"{prefix}{variant['name']}/model.tar.gz")
    platform.models.change(model_id, {"optimisation": {"status": "SUCCEEDED", **kept}})
    return {"published": [v["name"] for v in kept["variants"] if v["is_published"]]}


def record_failed_optimisation(platform: Platform, model_id: str, error: Problem) -> dict[str, Any]:
    """The model is as good as before: it has no variants."""
    platform.models.change(model_id, {"optimisation": {"status": "FAILED", "error": dict(error), "variants": []}})
    return {"published": []}
