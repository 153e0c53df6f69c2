"""Writes models: into checkpoints/best (whole or not at all: it is what a crash leaves behind) and into /opt/ml/model."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

from droplearn.contracts.dataset import HealthReport
from droplearn.contracts.errors import DropLearnError
from droplearn.contracts.ids import model_id_of
from droplearn.contracts.model import ModelFile, ModelManifest, StopReason
from droplearn.contracts.training import TrainingRequest
from droplearn.scenarios.learning import Deadline, DraftFile, ModelDraft, TrainingLog

MANIFEST = "model.json"


class FolderModelStore:
    """`manifest` is that of the model saved last, also by an earlier attempt; None before there is one."""

    def __init__(self, request: TrainingRequest, checkpoints: Path, model: Path, deadline: Deadline, log: TrainingLog) -> None:
        self._request, self._deadline, self._log = request, deadline, log
        self._checkpoints, self._best, self._model = checkpoints, checkpoints / "best", model
        checkpoints.mkdir(parents=True, exist_ok=True)
        model.mkdir(parents=True, exist_ok=True)
        self.manifest = self._restore()

    @property
    def has_model(self) -> bool:
        """Whether a model is saved, also by an earlier attempt."""
        return self.manifest is not None

    def save(self, draft: ModelDraft, *, is_final: bool) -> None:
        """Files first, the manifest last."""
        manifest = self._manifest(draft, is_final)
        contents = {file.name: file.content for file in draft.files}
        self._write(contents, manifest)
        self.manifest = manifest

    def finish(self, reason: StopReason) -> None:
        """The model saved last is the final one. Nothing to do when there is none, or it is final already."""
        if self.manifest is None or self.manifest.is_final:
            return
        done = {
            "is_final": True,
            "stop_reason": reason,
            "history": list(self._log.history) or self.manifest.history,
            "training_seconds": round(self._deadline.elapsed_s(), 2),
        }
        manifest = self.manifest.model_copy(update=done)
        for folder in (self._best, self._model):
            _replace(folder / MANIFEST, manifest.to_json().encode())
        self.manifest = manifest

    def save_health(self, report: HealthReport) -> None:
        """checkpoints/health.json, and beside the model."""
        for folder in (self._checkpoints, self._model):
            _replace(folder / "health.json", report.to_json().encode())

    def _manifest(self, draft: ModelDraft, is_final: bool) -> ModelManifest:
        request = self._request
        return ModelManifest(
            model_id=model_id_of(request.task_id),
            task_id=request.task_id,
            scenario=request.scenario,
            preset=request.settings.preset,
            dataset_version=request.dataset_version,
            code_version=request.code_version,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            labels=list(draft.labels),
            inputs=list(draft.inputs),
            outputs=list(draft.outputs),
            files=[_described(file) for file in draft.files],
            metrics={name: round(value, 6) for name, value in draft.metrics.items()},
            metrics_protocol=draft.metrics_protocol,
            stop_reason=draft.stop_reason,
            is_final=is_final,
            candidates=list(draft.candidates),
            history=list(self._log.history),
            preprocessing=dict(draft.preprocessing),
            temperature=draft.temperature,
            base_model=draft.base_model,
            warnings=list(draft.warnings),
            training_seconds=round(self._deadline.elapsed_s(), 2),
            seed=request.settings.seed,
        )

    def _write(self, contents: dict[str, bytes], manifest: ModelManifest) -> None:
        new = self._checkpoints / ".best-new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for name, content in contents.items():
            (new / name).write_bytes(content)
        (new / MANIFEST).write_bytes(manifest.to_json().encode())
        old = self._checkpoints / ".best-old"
        shutil.rmtree(old, ignore_errors=True)
        if self._best.exists():
            self._best.rename(old)
        new.rename(self._best)
        shutil.rmtree(old, ignore_errors=True)
        self._copy_to_model()

    def _copy_to_model(self) -> None:
        kept = {file.name for file in self._best.iterdir()}
        for file in sorted(self._best.iterdir(), key=lambda f: f.name == MANIFEST):
            _replace(self._model / file.name, file.read_bytes())
        for file in self._model.iterdir():
            if file.is_file() and file.name not in kept | {"health.json"}:
                file.unlink()

    def _restore(self) -> ModelManifest | None:
        """What an earlier attempt at the same task left; anything that is not complete is removed."""
        old = self._checkpoints / ".best-old"
        if not self._best.exists() and old.exists():
            old.rename(self._best)
        manifest = _complete_manifest(self._best)
        if manifest is None or manifest.task_id != self._request.task_id or manifest.dataset_version != self._request.dataset_version:
            shutil.rmtree(self._best, ignore_errors=True)
            return None
        self._copy_to_model()
        return manifest.model_copy(update={"is_final": False})


def _described(file: DraftFile) -> ModelFile:
    digest = hashlib.sha256(file.content).hexdigest()
    return ModelFile(name=file.name, role=file.role, size_bytes=len(file.content), sha256=digest)


def _complete_manifest(folder: Path) -> ModelManifest | None:
    """None when a file is missing or differs from its digest."""
    try:
        manifest = ModelManifest.from_json((folder / MANIFEST).read_bytes())
        for file in manifest.files:
            if hashlib.sha256((folder / file.name).read_bytes()).hexdigest() != file.sha256:
                return None
    except (OSError, DropLearnError):
        return None
    return manifest


def _replace(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_bytes(content)
    partial.replace(file)


class NoStore:
    """The store of a process that is not the leader: it must not save."""

    has_model = False

    def save(self, draft: ModelDraft, *, is_final: bool) -> None:  # noqa: ARG002
        """Never called."""
        raise RuntimeError("only the leader saves")

    def save_health(self, report: HealthReport) -> None:  # noqa: ARG002
        """Never called."""
        raise RuntimeError("only the leader saves")
