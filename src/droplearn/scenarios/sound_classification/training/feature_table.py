"""checkpoints/features-<version>.npz: what one pass over the bytes found of each content. Plain arrays; nothing in it can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.labelled_examples import LearningExample


class Problem(NamedTuple):
    """Why a sound cannot be used."""

    code: str
    message: str


class Heard(NamedTuple):
    """A sound that can be used: its features (D,), its length, what is odd about it, the kind of file."""

    features: Floats
    seconds: float
    remarks: tuple[str, ...]
    kind: str


@dataclass
class FeatureTable:
    """By content (etag). `key` names the graph and the version of the sounds."""

    key: str
    heard: dict[str, Heard] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)

    def knows(self, etag: str) -> bool:
        """Whether the content was read already."""
        return etag in self.heard or etag in self.problems

    def rows(self, examples: Sequence[LearningExample]) -> Floats:
        """(N, D). Raises KeyError where one is missing."""
        return np.stack([self.heard[e.etag].features for e in examples])

    def save(self, file: Path) -> None:
        """Whole or not at all."""
        partial = file.with_suffix(".partial")
        with partial.open("wb") as out:
            np.savez(
                out,
                key=np.array(self.key),
                etags=np.array(list(self.heard), dtype=str),
                vectors=np.array([h.features for h in self.heard.values()], dtype=np.float32),
                seconds=np.array([h.seconds for h in self.heard.values()], dtype=np.float64),
                about=np.array([(",".join(h.remarks), h.kind) for h in self.heard.values()], dtype=str).reshape(-1, 2),
                problem_etags=np.array(list(self.problems), dtype=str),
                problems=np.array([tuple(p) for p in self.problems.values()], dtype=str).reshape(-1, 2),
            )
        partial.replace(file)

    @classmethod
    def load(cls, file: Path, key: str) -> FeatureTable:
        """Empty when there is no such file, or it is damaged, or belongs to another graph. A missing sound is looked for again."""
        try:
            with file.open("rb") as raw, np.load(raw, allow_pickle=False) as saved:
                if str(saved["key"]) != key:
                    return cls(key)
                columns = (saved["etags"].tolist(), saved["vectors"], saved["seconds"].tolist(), saved["about"].tolist())
                heard = {
                    etag: Heard(vectors, seconds, tuple(filter(None, about[0].split(","))), about[1])
                    for etag, vectors, seconds, about in zip(*columns, strict=True)
                }
                told = zip(saved["problem_etags"].tolist(), saved["problems"].tolist(), strict=True)
                problems = {etag: Problem(*problem) for etag, problem in told if problem[0] != "missing"}
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return cls(key)
        return cls(key, heard, problems)
