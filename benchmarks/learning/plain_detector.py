"""The peer of detection.py: the same network by a plain recipe. `python -m benchmarks.learning.plain_detector JOB MODEL BUDGET SEED`.

Mosaic and flip, batches of 8, one cosine over the whole budget, all but the test split learnt from, the last weights taken: no moving
average, no choice by validation, no rule for input or batch. Writes model.onnx and model.json into MODEL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import ROOT
from droplearn.networks.detector_graph import detector_graph, early_graph
from droplearn.networks.detector_plan import DetectorPlan
from droplearn.networks.efficientnet_lite import pretrained_weights
from droplearn.scenarios.learning import ProcessGroup, TrainingContext
from droplearn.scenarios.learning.torch_process import prepare_process
from droplearn.scenarios.object_detection.inference import Graph
from droplearn.scenarios.object_detection.training.augmentation import Augmentation
from droplearn.scenarios.object_detection.training.examples import gather, learning_set
from droplearn.scenarios.object_detection.training.loader import ViewLoader
from droplearn.scenarios.object_detection.training.network import DetectorTraining, fresh_weights
from droplearn.scenarios.object_detection.training.pictures import PictureCache, read_all

SIZE, BATCH = 320, 8
_EXPORT_S = 5.0


def train_plainly(job: LocalJob, model: Path, budget_s: int, seed: int) -> None:
    """In a process of its own, as ours is."""
    path = os.pathsep.join(str(ROOT / part) for part in ("", "src", "training_container"))
    command = [sys.executable, "-m", "benchmarks.learning.plain_detector", str(job.base), str(model), str(budget_s), str(seed)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL)


class _Nobody:
    """A log and a store that keep nothing, a deadline that never comes."""

    history: list[dict[str, Any]] = []  # noqa: RUF012 (nothing is added)
    has_model = False

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    def remaining_s(self) -> float:
        return 1e6


def main(base: Path, model: Path, budget_s: float, seed: int) -> None:
    from trainer.channels import example_source, training_request
    from trainer.paths import Paths

    started, nobody, paths = time.monotonic(), _Nobody(), Paths(base)
    source = example_source(paths.channel("dataset"), paths.channel("images"))
    context = TrainingContext(training_request(paths.hyper_parameters), source, None, nobody, nobody, nobody, paths.checkpoints)
    candidates = gather(context)
    cache = PictureCache(candidates)
    pictures, _ = read_all(candidates, cache, nobody, nobody, "plain")
    data, _ = learning_set(pictures, context)
    cache.shrink(448)
    plan = DetectorPlan("efficientnet_lite0", len(data.labels))
    backbone = {name: value.numpy() for name, value in pretrained_weights(plan.network).items()}
    prepare_process(ProcessGroup(), seed, budget_s)
    network = DetectorTraining(plan, SIZE, fresh_weights(plan, backbone, seed), 2e-3, ProcessGroup())
    train = data.indices("train", "validation")
    early = Graph(early_graph(plan, backbone, SIZE).SerializeToString())
    loader = ViewLoader(data, cache, early, train, seed, ProcessGroup())
    epoch, step, left_s = 0, 0, budget_s - (time.monotonic() - started) - _EXPORT_S
    begun = time.monotonic()
    while (gone := (time.monotonic() - begun) / left_s) < 1:
        order = np.random.default_rng((seed, epoch)).permutation(train)
        batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
        for parts in loader.batches(epoch, 0, batches, Augmentation(SIZE)):
            gone = min(1.0, (time.monotonic() - begun) / left_s)
            network.step(parts, min(1.0, (step + 1) / 40) * 0.5 * (1 + np.cos(np.pi * gone)))
            step += 1
            if gone >= 1:
                break
        epoch += 1
    loader.close()
    network.close()
    _write(job_manifest(base), model, detector_graph(plan, {**backbone, **network.arrays()}, SIZE).SerializeToString())


def job_manifest(base: Path) -> Any:
    """Of our model of the same job: labels and tensors are the same."""
    return LocalJob(base).manifest


def _write(manifest: Any, model: Path, network: bytes) -> None:
    model.mkdir(parents=True, exist_ok=True)
    (model / "model.onnx").write_bytes(network)
    (model / "model.json").write_text(manifest.model_copy(update={"files": []}).to_json())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
