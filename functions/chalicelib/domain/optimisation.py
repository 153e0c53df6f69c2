"""Which examples an optimisation looks at, and what a model keeps of its report. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from droplearn.contracts.optimisation import AS_TRAINED, OptimisationProtocol

MAX_CALIBRATION, MAX_HELD_OUT = 128, 1000
"""Examples that are downloaded: enough for value ranges, and for a fall of a tenth of a point to be seen."""


class Chosen(NamedTuple):
    """Paths of examples."""

    calibration: list[str]
    held_out: list[str]
    protocol: OptimisationProtocol


def choose_examples(lines: Iterable[dict[str, Any]], is_validation_held_out: bool) -> Chosen:
    """The test split where there is one, else the validation split if the model did not learn from it in the end, else what there is."""
    by_split: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for line in lines:
        if line.get("label") is not None or line.get("annotation"):
            by_split[line["split"]].append(line["path"])
    seen = by_split["train"] or by_split["validation"]
    calibration = spread(seen, MAX_CALIBRATION)
    if by_split["test"]:
        return Chosen(calibration, spread(by_split["test"], MAX_HELD_OUT), "test_split")
    if by_split["validation"] and is_validation_held_out:
        return Chosen(calibration, spread(by_split["validation"], MAX_HELD_OUT), "held_out_validation")
    others = [path for path in seen + by_split["validation"] if path not in set(calibration)]
    return Chosen(calibration, spread(others or seen, MAX_HELD_OUT), "training_examples")


T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most so many, evenly over the whole: a list sorted by label gives some of each."""
    if len(items) <= count:
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]


def archive_of(artifact_uri: str, optimisation: dict[str, Any] | None, variant: str) -> str | None:
    """Where the files of this variant lie; None: there is no such variant, or it was kept aside."""
    if variant == AS_TRAINED:
        return artifact_uri
    told = (optimisation or {}).get("variants", [])
    return next((v.get("artifact_uri") for v in told if v["name"] == variant and v["is_published"]), None)
