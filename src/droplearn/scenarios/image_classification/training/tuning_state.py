"""checkpoints/tuning.npz: where a fine-tuning stands after an epoch. Plain arrays and one JSON text; nothing in it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from droplearn.scenarios.learning.arrays import Floats

FILE = "tuning.npz"
_GROUPS = ("weights", "average", "best", "lowest", "moments")


@dataclass(frozen=True)
class TuningState:
    """After `epochs_done` epochs. `key`: what the state belongs to; another key means another training."""

    key: str
    epochs_done: int
    fraction: float
    bad_epochs: int
    history: list[dict[str, Any]]
    is_finished: bool = False
    weights: Mapping[str, Floats] = field(default_factory=dict)
    average: Mapping[str, Floats] = field(default_factory=dict)
    best: Mapping[str, Floats] = field(default_factory=dict)
    lowest: Mapping[str, Floats] = field(default_factory=dict)
    """`losses` of the validation examples in the epoch with the lowest mean."""
    moments: Mapping[str, Floats] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Whole or not at all."""
        about = {name: value for name, value in vars(self).items() if name not in _GROUPS}
        arrays = {f"{group}:{name}": value for group in _GROUPS for name, value in getattr(self, group).items()}
        partial = folder / f".{FILE}.partial"
        with partial.open("wb") as out:
            np.savez(out, about=np.array(json.dumps(about)), **arrays)
        partial.replace(folder / FILE)

    @classmethod
    def load(cls, folder: Path, key: str) -> TuningState | None:
        """None when there is none, it is damaged, or it belongs to another training."""
        try:
            with (folder / FILE).open("rb") as raw, np.load(raw, allow_pickle=False) as saved:
                about = json.loads(str(saved["about"]))
                if about["key"] != key:
                    return None
                groups: dict[str, Any] = {group: {} for group in _GROUPS}
                for name in saved.files:
                    group, _, rest = name.partition(":")
                    if rest:
                        groups[group][rest] = saved[name]
                return cls(**about, **groups)
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return None
