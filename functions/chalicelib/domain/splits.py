"""Who is trained on, who validates, who tests: by label, the same for the same content and seed, and equal pictures always together.

Examples of equal content (etag) form a group; a group counts for the label of its first example. Within a label the groups are put into an
order that looks random but follows from seed and content alone, and fill the test split, then the validation split, up to their share; the
rest is for training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import floor

from droplearn.contracts.dataset import Split

MIN_GROUPS_TO_SHARE = 3
"""A label with at least so many different pictures gives one to each wanted split, however small the share."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Fractions of each label's examples, and the seed of the order."""

    validation: float
    test: float
    seed: int


@dataclass(slots=True)
class Group:
    """Examples of equal content."""

    label: str
    size: int = 1


def split_groups(groups: Mapping[str, Group], shares: Shares) -> dict[str, Split]:
    """The split of each group, by its etag. At least one group of every label is for training."""
    by_label: dict[str, list[str]] = {}
    for etag, group in groups.items():
        by_label.setdefault(group.label, []).append(etag)
    splits: dict[str, Split] = {}
    for etags in by_label.values():
        etags.sort(key=lambda etag: _order(etag, shares.seed))
        splits.update(_split_label([(etag, groups[etag].size) for etag in etags], shares))
    return splits


def _split_label(groups: list[tuple[str, int]], shares: Shares) -> Iterable[tuple[str, Split]]:
    count = sum(size for _, size in groups)
    room: dict[Split, int] = {
        "test": _target(count, len(groups), shares.test),
        "validation": _target(count, len(groups), shares.validation),
    }
    *may_move, last = groups  # the last one stays: every label is trained on
    for etag, size in may_move:
        split: Split = next((s for s in room if size <= room[s]), "train")
        if split != "train":
            room[split] -= size
        yield etag, split
    yield last[0], "train"


def _target(examples: int, groups: int, fraction: float) -> int:
    """The share in whole examples, rounded half up."""
    if fraction == 0:
        return 0
    rounded = floor(examples * fraction + 0.5)
    return max(rounded, 1) if groups >= MIN_GROUPS_TO_SHARE else rounded


def _order(etag: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{etag}".encode()).digest()
