"""One processing job: variants of a model. Inputs `request`, `model`, `dataset`, `images`; output `report`: optimisation.json and an
archive of each variant that is published. A variant that fails is told in the report; it does not fail the job.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from droplearn.contracts.errors import InvalidDataset, InvalidRequest, UnsupportedScenario
from droplearn.contracts.model import ModelFile, ModelManifest
from droplearn.contracts.optimisation import REPORT_FILE, Measured, OptimisationReport, OptimisationRequest, VariantName, VariantReport
from droplearn.contracts.training import CHANNEL_DATASET, CHANNEL_IMAGES
from droplearn.networks.samples import Sample
from droplearn.scenarios import scenario_named
from droplearn.scenarios.answering import PipelinePredictor, Predictor, UndecodableInput
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.scenario import Scenario
from trainer.bench import ModelBench
from trainer.channels import example_source, model_folder, model_manifest, read_document
from trainer.deadline import started_at
from trainer.metric_log import StdoutLog
from trainer.paths import Paths
from trainer.variants import Gate, OutOfTime, doubts, make_variant

RESERVE_S = 30.0
"""For measuring the latency and writing what there is."""
NETWORK_ROLE = "network"
_NOT_SERVED = {"weights", "held_out_predictions"}


def optimise(paths: Paths) -> None:
    """Raises DropLearnError when nothing can be measured at all."""
    begun = started_at()
    request = read_document(OptimisationRequest, paths.processing_input("request") / "request.json")
    log = StdoutLog(lambda: time.time() - begun)
    scenario = scenario_named(request.scenario)
    with tempfile.TemporaryDirectory() as scratch:
        folder = model_folder(paths.processing_input("model"), Path(scratch) / "model")
        manifest = model_manifest(folder)
        source = example_source(paths.processing_input(CHANNEL_DATASET), paths.processing_input(CHANNEL_IMAGES))
        samples = list(_samples(_predictor(scenario, folder, manifest), source, request))
        if not samples:
            raise InvalidDataset("optimisation.no_examples", "No example can be read to calibrate with.", hint="Drop readable examples.")
        log.note(f"{len(samples)} examples to calibrate with, {len(request.held_out)} to measure on ({request.protocol})")

        def remaining_s() -> float:
            return begun + request.max_runtime_s - RESERVE_S - time.time()

        work = Path(scratch) / "work"
        work.mkdir()
        bench = ModelBench(request, scenario, manifest, folder, source, samples, log, remaining_s)
        gate = Gate(scenario.spec.primary_metric, _baseline(bench), request.tolerance, scenario.spec.is_higher_better)
        paths.processing_report.mkdir(parents=True, exist_ok=True)
        reports = []
        for number, name in enumerate(request.variants, 1):
            log.progress(f"optimise_{name}", number - 1, len(request.variants))
            told = _variant(name, folder, manifest, work, samples, bench, gate, paths.processing_report)
            log.note(f"{name}: {told.reason}")
            log.progress(f"optimise_{name}", number, len(request.variants))
            reports.append(told)
    _write(paths, request, gate, reports, len(samples), time.time() - begun)


def _baseline(bench: ModelBench) -> Measured:
    try:
        return bench.baseline()
    except OutOfTime as error:
        raise InvalidRequest(
            "optimisation.out_of_time",
            "Not even the model itself could be measured in time.",
            hint="Allow a longer optimise.max_runtime_s.",
        ) from error


def _variant(
    name: VariantName,
    folder: Path,
    manifest: ModelManifest,
    work: Path,
    samples: list[Sample],
    bench: ModelBench,
    gate: Gate,
    target: Path,
) -> VariantReport:
    try:
        report, network = make_variant(name, folder / _network_file(manifest).name, work, samples, bench, gate)
    except Exception as error:  # noqa: BLE001 (a network that a tool cannot take keeps its variant, not the others, from being made)
        traceback.print_exc()
        return VariantReport(name=name, is_published=False, reason=f"It could not be made: {type(error).__name__}: {error}"[:300])
    if report.is_published and network is not None:
        _archive(name, folder, manifest, network, target)
    return report


def _predictor(scenario: Scenario, folder: Path, manifest: ModelManifest) -> Predictor:
    loaded: Predictor | PipelinePredictor = scenario.load_serving().load(folder, manifest)
    if isinstance(loaded, PipelinePredictor):
        raise UnsupportedScenario(
            "optimisation.unsupported", f"A model of {scenario.name} is not one network.", hint="Train it without variants."
        )
    return loaded


def _samples(predictor: Predictor, source: ExampleSource, request: OptimisationRequest) -> Iterator[Sample]:
    """With the server's own preprocessing."""
    for path in request.calibration:
        try:
            yield predictor.decode(source.read(path)).tensors
        except (UndecodableInput, OSError):
            continue


def _network_file(manifest: ModelManifest) -> ModelFile:
    return next(file for file in manifest.files if file.role == NETWORK_ROLE)


def _archive(name: VariantName, folder: Path, manifest: ModelManifest, network: Path, target: Path) -> None:
    """A whole model with another network; what only a further training needs stays behind."""
    content = network.read_bytes()
    digest, own = hashlib.sha256(content).hexdigest(), _network_file(manifest)
    files = [
        file.model_copy(update={"size_bytes": len(content), "sha256": digest}) if file == own else file
        for file in manifest.files
        if file.role not in _NOT_SERVED
    ]
    (target / name).mkdir(exist_ok=True)
    told = network.with_name(f"{name}.json")
    told.write_text(manifest.model_copy(update={"files": files, "variant": name}).to_json(), "utf-8")
    with tarfile.open(target / name / "model.tar.gz", "w:gz") as archive:
        for file in files:
            archive.add(network if file.name == own.name else folder / file.name, file.name)
        archive.add(told, "model.json")


def _write(
    paths: Paths, request: OptimisationRequest, gate: Gate, reports: list[VariantReport], calibration_count: int, duration_s: float
) -> None:
    report = OptimisationReport(
        model_id=request.model_id,
        scenario=request.scenario,
        dataset_version=request.dataset_version,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        metric=gate.metric,
        tolerance=request.tolerance,
        protocol=request.protocol,
        example_count=len(request.held_out),
        calibration_count=calibration_count,
        baseline=gate.baseline,
        variants=reports,
        duration_s=round(duration_s, 2),
        warnings=doubts(len(request.held_out), request.tolerance, request.protocol),
    )
    (paths.processing_report / REPORT_FILE).write_text(report.to_json(), "utf-8")
