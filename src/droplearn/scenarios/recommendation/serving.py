"""Recommendations from a model's table files, without a database: for evaluations and trials. The service proper is a Lambda that reads the
same rows from DynamoDB (functions/chalicelib/service/recommending.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.recommendation import POPULAR, file_of, form_of, parse_ids
from droplearn.scenarios.answering import Answer, UndecodableInput

DEFAULT_COUNT, MAX_COUNT = 10, 1_000


def load(model_dir: Path, manifest: ModelManifest) -> TableRecommender:
    """Raises InvalidRequest (`model.unusable`)."""
    return TableRecommender(model_dir, manifest)


class TableRecommender:
    """A PipelinePredictor. Holds the rows as text and parses those that are asked for."""

    output_type = "items"

    def __init__(self, model_dir: Path, manifest: ModelManifest) -> None:
        if POPULAR not in manifest.preprocessing.get("tables", {}):
            raise InvalidRequest("model.unusable", "The model has no tables.", hint="Train again.")
        self._recommended = dict(_rows(model_dir, "user_recommended"))
        self._history = dict(_rows(model_dir, "user_item"))
        self._popular = [name for name, _ in _rows(model_dir, POPULAR)]
        self._excludes_seen = bool(manifest.preprocessing.get("exclude_seen", True))

    def seen(self, user: str) -> set[str]:
        """The items that the user had; empty for an unknown user."""
        return {name for name, _ in parse_ids(self._history.get(user, ""))}

    def recommend(self, user: str, count: int) -> list[str]:
        """The model's list, filled up with what is popular."""
        seen = self.seen(user) if self._excludes_seen else set()
        ranked = [name for name, _ in parse_ids(self._recommended.get(user, ""))]
        return list(dict.fromkeys(name for name in [*ranked, *self._popular] if name not in seen))[:count]

    def predict(self, raw: bytes, options: Mapping[str, str]) -> Answer:  # noqa: ARG002 (there are none)
        """`{"user_id": "...", "count": 10}` -> items, the best first."""
        try:
            asked = json.loads(raw)
            user, count = str(asked["user_id"]), int(asked.get("count", DEFAULT_COUNT))
        except (ValueError, KeyError, TypeError) as error:
            raise UndecodableInput('The body is {"user_id": "...", "count": 10}.') from error
        items = self.recommend(user, max(1, min(count, MAX_COUNT)))
        return Answer([{"label": item, "conf": 1.0 / (place + 1)} for place, item in enumerate(items)], {})

    def warm_up(self) -> None:
        """Everything is in memory."""


def _rows(folder: Path, table: str) -> Iterator[tuple[str, str]]:
    file, form = folder / file_of(table), form_of(table)
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                row: dict[str, Any] = json.loads(line)
                yield row[form.key], row[form.value or "weight"]
