"""Members that are trained: their models, and their predictions for rows that the models had not seen. Kept over a restart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.members.model import SUFFIXES, Kind, Model, arrays_of, bytes_of, load_model


@dataclass(frozen=True)
class Member:
    """predictions: (N, K or 1), NaN for rows that were not held out. folds: the held-out rows of each model."""

    name: str
    kind: Kind
    models: Sequence[Model]
    folds: Sequence[Integers]
    predictions: Floats
    seconds: float
    rounds: int = 0
    """Of the first model, where it learns in rounds; not kept over a restart."""

    @property
    def rows(self) -> Integers:
        """Those that were held out."""
        return np.flatnonzero(~np.isnan(self.predictions[:, 0]))

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name and content, one a model."""
        for fold, model in enumerate(self.models):
            yield f"{self.name}.{fold}.{SUFFIXES[self.kind]}", model.to_bytes()


class Library:
    """`members` by name. `folder`: where they are kept for a restart; `key` names the training that they belong to."""

    def __init__(self, folder: Path, key: str, label_count: int) -> None:
        self._folder, self._label_count = folder, label_count
        self.members: dict[str, Member] = {}
        mark = folder / "key"
        if not mark.exists() or mark.read_text("utf-8") != key:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            mark.write_text(key, "utf-8")
        for told in sorted(folder.glob("*/member.json")):
            member = self._load(told)
            self.members[member.name] = member

    def add(self, member: Member) -> None:
        """Written whole or not at all: member.json comes last."""
        folder = self._folder / member.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in member.files():
            (folder / name).write_bytes(content)
        folds = {f"fold_{i}": rows for i, rows in enumerate(member.folds)}
        (folder / "held_out.npz").write_bytes(bytes_of({"predictions": member.predictions, **folds}))
        told = {"name": member.name, "kind": member.kind, "count": len(member.models), "seconds": member.seconds}
        (folder / "member.json").write_text(json.dumps(told), "utf-8")
        self.members[member.name] = member

    def _load(self, file: Path) -> Member:
        told = json.loads(file.read_text("utf-8"))
        saved = arrays_of((file.parent / "held_out.npz").read_bytes())
        kind: Kind = told["kind"]
        names = [f"{told['name']}.{fold}.{SUFFIXES[kind]}" for fold in range(told["count"])]
        models = [load_model(kind, (file.parent / name).read_bytes(), self._label_count) for name in names]
        folds = [saved[f"fold_{i}"] for i in range(told["count"])]
        return Member(told["name"], kind, models, folds, saved["predictions"], told["seconds"])
