"""Own time of a service of tables: what the Lambda computes for one answer, the database's part taken out (its rows are in memory here).

python -m benchmarks.serving.tables --model FOLDER     a model of recommendation: model.json and its tables
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "src")]

from chalicelib.api import recommend as handler  # noqa: E402
from chalicelib.domain.recall import EVERYBODY, PLAN, RecallPlan, Source  # noqa: E402
from chalicelib.service.recommending import Recommender  # noqa: E402
from droplearn.contracts.recommendation import TABLE_FORMS, form_of  # noqa: E402

TABLES = ("user_item", "item_item", "user_recommended", "user_topic", "topic_item", "popular")
EXACT = Source("item_cf", "collaborative_filtering", 1000, {t: t for t in ("user_recommended", "user_item", "item_item")})
BY_ITEM = Source("by_item", "collaborative_filtering", 1000, {t: t for t in ("user_item", "item_item")})
BY_TOPIC = Source("topics", "semantic", 1000, {t: t for t in ("user_topic", "topic_item")})
POPULAR = Source("popular", "custom", 1000, {"item": "popular"}, is_fallback=True)


class MemoryTables:
    """Port RecallTables; texts as DynamoDB gives them."""

    def __init__(self, folder: Path) -> None:
        self.rows: dict[tuple[str, str], str] = {}
        for table in TABLES:
            file, form = folder / f"{table}.jsonl", form_of(table)
            lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
            pairs = [(row[form.key], row[form.value or "weight"]) for row in lines]
            listed = [(EVERYBODY, ",".join(f"{key}:{weight}" for key, weight in pairs))] if form == TABLE_FORMS["item"] else pairs
            self.rows |= {(table, key): value for key, value in listed}

    def read(self, _service: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        return {key: self.rows[key] for key in keys if key in self.rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    tables = MemoryTables(options.model)
    users = [key for table, key in tables.rows if table == "user_item"]
    print(f"{'plan':40s}{'p50 ms':>10s}{'p95 ms':>10s}{'p99 ms':>10s}")
    for name, sources in (
        ("default: the model's list", [EXACT, POPULAR]),
        ("item by item", [BY_ITEM, POPULAR]),
        ("by topics", [BY_TOPIC, POPULAR]),
        ("all three merged", [EXACT, BY_ITEM, BY_TOPIC, POPULAR]),
    ):
        tables.rows[PLAN, EVERYBODY] = RecallPlan(sources, seen="user_item").to_text()
        times = measure(tables, users, options.requests)
        print(f"{name:40s}" + "".join(f"{np.percentile(times, p):10.2f}" for p in (50, 95, 99)))


def measure(tables: MemoryTables, users: Sequence[str], count: int) -> list[float]:
    service: Any = SimpleNamespace(id="service", is_in_service=True, weights={"v1": 0.5, "v2": 0.5})
    recommender = Recommender(tables, service.id)  # type: ignore[arg-type]
    handler._recommender = lambda _tables: recommender  # type: ignore[assignment]
    times = []
    for user in itertools.islice(itertools.cycle(users), count):
        reply = handler.recommend(service, json.dumps({"user_id": user, "count": 10}).encode(), "", "r")
        assert reply["statusCode"] == 200, reply
        times.append(float(re.findall(r"own;dur=([0-9.]+)", reply["headers"][handler.TIMING])[0]))
    return times


if __name__ == "__main__":
    main()
