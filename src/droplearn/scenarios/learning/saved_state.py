"""Where a training stands, in checkpoints/: plain arrays and one JSON text; nothing in it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self
from zipfile import BadZipFile

import numpy as np

from droplearn.scenarios.learning.arrays import Floats

Arrays = Mapping[str, Floats]


@dataclass(frozen=True)
class SavedState:
    """A dataclass's fields that are not arrays by name go into the JSON text. `key`: what the state belongs to; another key means another
    training.
    """

    FILE: ClassVar[str]
    GROUPS: ClassVar[tuple[str, ...]]
    """The fields that are."""

    key: str

    def save(self, folder: Path) -> None:
        """Whole or not at all."""
        about = {name: value for name, value in vars(self).items() if name not in self.GROUPS}
        arrays = {f"{group}:{name}": value for group in self.GROUPS for name, value in getattr(self, group).items()}
        partial = folder / f".{self.FILE}.partial"
        with partial.open("wb") as out:
            np.savez(out, about=np.array(json.dumps(about)), **arrays)
        partial.replace(folder / self.FILE)

    @classmethod
    def load(cls, folder: Path, key: str) -> Self | None:
        """None when there is none, it is damaged, or it belongs to another training."""
        try:
            with (folder / cls.FILE).open("rb") as raw, np.load(raw, allow_pickle=False) as saved:
                about = json.loads(str(saved["about"]))
                if about["key"] != key:
                    return None
                groups: dict[str, Any] = {group: {} for group in cls.GROUPS}
                for name in saved.files:
                    group, _, rest = name.partition(":")
                    if rest:
                        groups[group][rest] = saved[name]
                return cls(**about, **groups)
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return None
