"""Measures networks of one model: accuracy by the scenario's own evaluation, latency in turn with each other, memory in
a process of its own, difference of the outputs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.evaluation import EvaluationRequest
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.optimisation import Measured, OptimisationRequest
from droplearn.networks.samples import Sample
from droplearn.scenarios.learning import EvaluationContext, ExampleSource, TrainingLog
from droplearn.scenarios.scenario import Scenario
from trainer.memory import memory_mb
from trainer.session import open_session
from trainer.variants import OutOfTime

LATENCY_RUNS = 30
LATENCY_SAMPLES = 8


class ModelBench:
    """Of one model. `folder`: its files, with the network as `network`; each other network is put into the folder's place of it."""

    def __init__(
        self,
        request: OptimisationRequest,
        scenario: Scenario,
        manifest: ModelManifest,
        folder: Path,
        source: ExampleSource,
        samples: Sequence[Sample],
        log: TrainingLog,
        remaining_s: Callable[[], float],
    ) -> None:
        self._request, self._scenario, self._manifest, self._source = request, scenario, manifest, source
        self._folder, self._samples, self._log, self._remaining_s = folder, samples, log, remaining_s
        self._network = next(file.name for file in manifest.files if file.role == "network")
        self._evaluation_s = self._own_ms = 0.0
        self._original = folder / self._network
        self._reference = self._outputs(self._original)

    def metric(self, network: Path) -> float:
        """Raises OutOfTime when an evaluation as long as the last one would not end in time."""
        if self.spare_s() < 0:
            raise OutOfTime
        started = time.monotonic()
        result = self._scenario.load_evaluation().evaluate(self._context(network))
        self._evaluation_s = time.monotonic() - started
        return float(result.report.metrics[self._scenario.spec.primary_metric])

    def spare_s(self) -> float:
        """By what the last evaluation took."""
        return self._remaining_s() - self._evaluation_s

    def baseline(self) -> Measured:
        """The model itself. Comes before `measured`."""
        self._own_ms, _ = self._latencies(self._original)
        return self._measured(self._original, self._own_ms, self.metric(self._original))

    def measured(self, network: Path, metric: float) -> Measured:
        """Its latency is told as a part of what the model itself took at the same moments."""
        own_ms, other_ms = self._latencies(network)
        return self._measured(network, other_ms * self._own_ms / own_ms, metric)

    def largest_difference(self, network: Path) -> float:
        """Over the samples and all outputs."""
        pairs = zip(self._outputs(network), self._reference, strict=True)
        return max(float(np.abs(one.astype(np.float64) - other).max()) for outputs in pairs for one, other in zip(*outputs, strict=True))

    def is_better(self, metric: float, other: float) -> bool:
        """By the metric's direction."""
        return metric > other if self._scenario.spec.is_higher_better else metric < other

    def _measured(self, network: Path, latency_ms: float, metric: float) -> Measured:
        return Measured(
            size_bytes=network.stat().st_size,
            latency_ms=round(latency_ms, 3),
            metric=round(metric, 6),
            memory_mb=memory_mb(network, self._samples[0]),
        )

    def _context(self, network: Path) -> EvaluationContext:
        held_out = set(self._request.held_out)
        examples = [example for example in self._source.examples if example.path in held_out]
        return EvaluationContext(
            request=EvaluationRequest(
                evaluation_id="optimisation",
                model_id=self._request.model_id,
                scenario=self._request.scenario,
                dataset_version=self._request.dataset_version,
                source="all_examples",
                code_version=self._request.code_version,
            ),
            manifest=self._manifest,
            model_folder=self._folder_with(network),
            source=ExampleSource(self._source.version, examples, self._source.folder),
            log=self._log,
        )

    def _folder_with(self, network: Path) -> Path:
        """The model's files by links, its network replaced."""
        folder = self._folder.parent / f"with-{network.stem}"
        folder.mkdir(exist_ok=True)
        for file in self._folder.iterdir():
            link = folder / file.name
            link.unlink(missing_ok=True)
            link.symlink_to((network if file.name == self._network else file).resolve())
        return folder

    def _outputs(self, network: Path) -> list[list[Any]]:
        session, names = open_session(network), [tensor.name for tensor in self._manifest.outputs]
        return [session.run(names, dict(sample)) for sample in self._samples[:LATENCY_SAMPLES]]

    def _latencies(self, network: Path) -> tuple[float, float]:
        """Medians in ms of the model and of this network, run in turn: what disturbs the machine disturbs both."""
        sessions = [open_session(self._original), open_session(network)]
        times: list[list[float]] = [[], []]
        for run in range(LATENCY_RUNS):
            sample = dict(self._samples[run % min(LATENCY_SAMPLES, len(self._samples))])
            for session, kept in zip(sessions, times, strict=True):
                started = time.perf_counter()
                session.run(None, sample)
                kept.append(1e3 * (time.perf_counter() - started))
        own, other = (statistics.median(kept[2:]) for kept in times)
        return own, other
