"""A made-up table for templates and tests: which customers leave. Every kind of column is in it; the truth is a known rule with noise."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

COLUMNS = (
    "customer_id", "signed_up", "age", "city", "plan", "monthly_price", "calls", "newsletter", "last_message", "satisfaction", "left",
)  # fmt: skip
_CITIES = ("Lisbon", "Oslo", "Porto", "Turin", "Ghent", "Bergen")
_MESSAGES = ("the bill is wrong again", "thank you for the quick help", "connection is slow in the evening", "please change my address")


def write_sample(folder: Path, seed: int = 0, rows: int = 400) -> None:
    """customers.csv; the target is `left` (yes or no). `satisfaction` is a number that can be a target, too."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            writer.writerow(_row(generator, number))


def _row(generator: np.random.Generator, number: int) -> list[object]:
    age, calls, message = int(generator.integers(18, 80)), int(generator.poisson(2)), int(generator.integers(len(_MESSAGES)))
    plan = str(generator.choice(["basic", "plus", "family"], p=[0.5, 0.3, 0.2]))
    price = round({"basic": 12.0, "plus": 24.0, "family": 39.0}[plan] + float(generator.normal(0, 2)), 2)
    signed_up = np.datetime64("2019-01-01") + int(generator.integers(0, 2000))
    satisfaction = 7 - 0.8 * calls - 1.5 * (message in (0, 2)) + 0.02 * age + float(generator.normal(0, 0.7))
    leaves = generator.random() < 1 / (1 + np.exp(1.4 * (satisfaction - 4.5)))
    return [
        f"C-{generator.integers(10**7, 10**8)}-{number}",
        str(signed_up),
        "" if generator.random() < 0.05 else age,
        str(generator.choice(_CITIES)),
        plan,
        price,
        calls,
        str(bool(generator.random() < 0.4)).lower(),
        _MESSAGES[message] + ("" if generator.random() < 0.5 else f" (ticket {generator.integers(1000, 9999)})"),
        round(satisfaction, 2),
        "yes" if leaves else "no",
    ]
