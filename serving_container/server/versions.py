"""The versions that share this server: loaded one by one, and one chosen for each request, by name or by weight.

A folder without versions.json holds one model, which is the only version.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from droplearn.contracts.errors import DropLearnError
from droplearn.contracts.prediction import ErrorCode
from droplearn.contracts.versions import ARCHIVE_FILE, SharedVersion, SharedVersions
from server.engine import Engines
from server.errors import Ended, InvalidModel, RequestError
from server.json_log import log
from server.model_archive import unpack
from server.model_folder import read_manifest, read_versions
from server.prediction import Prediction, load_prediction
from server.settings import MIB, Settings

_PACKED_TIMES = 4
"""An archive also holds what is not loaded: weights for further training, predictions."""


class Version(NamedTuple):
    """`name` is empty where the only one was not given any."""

    name: str
    weight: float
    prediction: Prediction


class Versions:
    """`refused`: those that could not be loaded, by name."""

    def __init__(
        self,
        loaded: Sequence[Version],
        refused: Mapping[str, DropLearnError] = MappingProxyType({}),
        chance: random.Random | None = None,
    ) -> None:
        self.loaded, self.refused = tuple(loaded), refused
        self._by_name = {version.name: version for version in loaded}
        self._weights, self._chance = [version.weight for version in loaded], chance or random.Random()  # noqa: S311 (traffic, not secrets)

    def choose(self, name: str | None) -> Version:
        """The one that is named, else one by weight. What a refused version would have got is shared by the others.

        Raises RequestError 1001 for a name that is none, 2002 for one that could not be loaded.
        """
        if name is None:
            return self.loaded[0] if len(self.loaded) == 1 else self._chance.choices(self.loaded, self._weights)[0]
        if name in self._by_name:
            return self._by_name[name]
        if name in self.refused:
            raise RequestError(ErrorCode.GET_INSTANCE_ERROR, f"The version {name} could not be loaded: {self.refused[name].code}.")
        raise RequestError(ErrorCode.INPUT_FORMAT_ERROR, f"There is no version {name!r} here, but {', '.join(self._by_name) or 'one'}.")

    @property
    def is_alive(self) -> bool:
        """False: an engine will never answer again, and the server should end."""
        return all(version.prediction.is_alive for version in self.loaded)

    def states(self) -> dict[str, str]:
        """By name: `ready`, or the code of what was wrong with it."""
        return {version.name: "ready" for version in self.loaded} | {name: error.code for name, error in self.refused.items()}


def load_versions(settings: Settings, engines: Engines | None = None) -> Versions:
    """Verified, loaded and warm. Raises InvalidModel when none is left that takes traffic, or the one that the settings name is not. What
    the engines have started by then is ended by him who gave them.
    """
    engines = engines or Engines(settings)
    if (told := read_versions(settings.model_dir)) is not None:
        return _load_shared(settings, engines, told)
    return Versions([Version(settings.version, 1.0, load_prediction(settings, engines))])


def remove_unpacked(settings: Settings) -> None:
    """What archives were unpacked to, by this server or by one on its port that was killed."""
    shutil.rmtree(_room(settings), ignore_errors=True)


def _room(settings: Settings) -> Path:
    return Path(tempfile.gettempdir()) / f"droplearn-versions-{settings.port}"


def _load_shared(settings: Settings, engines: Engines, told: SharedVersions) -> Versions:
    """Those with the most traffic first: they get the memory."""
    loaded: list[Version] = []
    refused: dict[str, InvalidModel] = {}
    remove_unpacked(settings)
    left_bytes = settings.max_models_mb * MIB
    for version in sorted(told.versions, key=lambda one: (one.name != settings.version, -one.weight)):
        try:
            folder = _folder_of(settings, engines, version, left_bytes)
            left_bytes -= _checked_size(folder, left_bytes)
            loaded.append(Version(version.name, version.weight, _load(replace(settings, model_dir=folder), engines, version.name)))
        except InvalidModel as error:
            log("version_refused", "error", version=version.name, **error.to_dict())
            refused[version.name] = error
    if settings.version in refused:
        raise refused[settings.version]
    if not any(version.weight for version in loaded):
        name, first = next(iter(refused.items()))
        raise InvalidModel(first.code, f"No version is left that takes traffic; {name}: {first.message}", first.hint)
    return Versions(loaded, refused)


def _folder_of(settings: Settings, engines: Engines, version: SharedVersion, left_bytes: int) -> Path:
    """An archive is unpacked elsewhere: SageMaker may mount the model folder for reading only. Nothing more once the engines are closed."""
    folder = settings.model_dir / version.folder
    archive = folder / ARCHIVE_FILE
    if not archive.is_file():
        return folder
    return unpack(archive, _room(settings) / version.folder, _PACKED_TIMES * left_bytes, engines.step)


def _checked_size(folder: Path, left_bytes: int) -> int:
    size = read_manifest(folder).served_size_bytes
    if size > left_bytes:
        raise InvalidModel(
            "model.too_large",
            f"The model has {size:,} bytes; beside the others there is room for {max(0, left_bytes):,}.",
            hint="Use a larger instance or fewer versions, or set SERVER_MAX_MODELS_MB.",
        )
    return size


def _load(settings: Settings, engines: Engines, name: str) -> Prediction:
    """What was not foreseen is this version's alone, too."""
    try:
        return load_prediction(settings, engines, name)
    except (InvalidModel, Ended):
        raise
    except Exception as error:
        raise InvalidModel("model.unusable", repr(error)[:500], hint="See the log of the container.") from error
