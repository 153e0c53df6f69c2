"""A made log: users of a few tastes, items of a few topics. For tests, templates and demos."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

TOPICS = ("comedy", "drama", "space", "nature", "music")


def write_sample(folder: Path, seed: int = 0, users: int = 120, items: int = 60) -> None:
    """`interactions.csv` (user_id, item_id, rating, timestamp) and `items.csv` (item_id, topics)."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    topic_of = random.integers(0, len(TOPICS), items)
    fame = random.pareto(1.5, items) + 0.2
    with (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "topics"])
        for item in range(items):
            more = "|" + TOPICS[(topic_of[item] + 1) % len(TOPICS)] if item % 3 == 0 else ""
            writer.writerow([f"i{item}", TOPICS[topic_of[item]] + more])
    with (folder / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user_id", "item_id", "rating", "timestamp"])
        for user in range(users):
            taste = np.where(topic_of == user % len(TOPICS), 8.0, 1.0) * fame
            count = int(random.integers(6, min(16, items)))
            for place, item in enumerate(random.choice(items, count, replace=False, p=taste / taste.sum())):
                rating = 3 + 2 * (topic_of[item] == user % len(TOPICS)) - int(random.integers(0, 2))
                writer.writerow([f"u{user}", f"i{item}", rating, 1_700_000_000 + 86_400 * place + user])
