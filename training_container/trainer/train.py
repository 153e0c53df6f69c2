"""One training job in this process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.training import CHANNEL_BASE_DATASET, CHANNEL_BASE_IMAGES, CHANNEL_BASE_MODEL, CHANNEL_DATASET, CHANNEL_IMAGES
from droplearn.scenarios import scenario_named
from droplearn.scenarios.learning import BaseModelSource, ProcessGroup, StoppedEarly, TrainingContext
from trainer.channels import example_source, model_folder, model_manifest, training_request
from trainer.deadline import ProcessDeadline
from trainer.metric_log import SilentLog, StdoutLog
from trainer.model_store import FolderModelStore, NoStore
from trainer.paths import Paths


def train(paths: Paths, group: ProcessGroup) -> None:
    """Leaves a model in /opt/ml/model and checkpoints/best.

    Raises:
        InvalidRequest: `training.stopped_before_model`: a stop or the deadline came too early.
        DropLearnError: what the scenario raises.
    """
    request = training_request(paths.hyper_parameters)
    deadline = ProcessDeadline.from_environment(request.settings.max_runtime_s)
    log = StdoutLog(deadline.elapsed_s) if group.is_leader else SilentLog()
    scenario = scenario_named(request.scenario)
    with tempfile.TemporaryDirectory() as scratch:
        store = FolderModelStore(request, paths.checkpoints, paths.model, deadline, log) if group.is_leader else None
        context = TrainingContext(
            request=request,
            source=example_source(paths.channel(CHANNEL_DATASET), paths.channel(CHANNEL_IMAGES)),
            base=_base(paths, Path(scratch)) if request.base_model is not None else None,
            deadline=deadline,
            log=log,
            store=store or NoStore(),
            checkpoints=paths.checkpoints,
            group=group,
        )
        try:
            scenario.load_training().train(context)
        except StoppedEarly as stop:
            if store is not None and store.manifest is None:
                raise _stopped_before_model(stop) from stop
            if store is not None:
                store.finish(stop.reason)
        if store is not None and store.manifest is not None:
            log.note(f"done after {deadline.elapsed_s():.1f} s: {store.manifest.stop_reason}")


def _base(paths: Paths, scratch: Path) -> BaseModelSource:
    folder = model_folder(paths.channel(CHANNEL_BASE_MODEL), scratch)
    dataset, images = paths.channel(CHANNEL_BASE_DATASET), paths.channel(CHANNEL_BASE_IMAGES)
    source = example_source(dataset, images) if (dataset / "version.json").exists() else None
    return BaseModelSource(model_manifest(folder), folder, source)


def _stopped_before_model(stop: StoppedEarly) -> InvalidRequest:
    if stop.reason == "max_runtime":
        message, hint = "The max runtime was over before there was a model.", "Allow more time or drop fewer pictures."
    else:
        message, hint = "Training was stopped before there was a model.", "Start the task again; it goes on where it stopped."
    return InvalidRequest("training.stopped_before_model", message, hint=hint)
