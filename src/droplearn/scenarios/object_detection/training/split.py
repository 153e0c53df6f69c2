"""The least that a validation must hold: a split by content hash can leave a small dataset with one picture, or a label with none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

MIN_VALIDATION, MAX_SHARE = 8, 0.3
"""Pictures with objects; but never more than this part of all."""
MIN_PER_LABEL = 4
"""A label on fewer pictures needs all of them for training."""


def moved_to_validation(
    kinds: Sequence[Sequence[str]], splits: Sequence[str], *, movable: Sequence[bool], share: float, seed: int
) -> set[int]:
    """Indices of training pictures that validate instead. kinds: labels on each picture; only pictures with one count, or are moved."""
    with_objects = [i for i, labels in enumerate(kinds) if labels and splits[i] != "test"]
    order = [with_objects[i] for i in np.random.default_rng(seed).permutation(len(with_objects))]
    free = [i for i in sorted(order, key=lambda i: (not movable[i], order.index(i))) if splits[i] == "train"]
    wanted = min(max(MIN_VALIDATION, round(share * len(order))), max(1, int(MAX_SHARE * len(order))))
    total = Counter(label for i in order for label in kinds[i])
    held = Counter(label for i in order if splits[i] == "validation" for label in kinds[i])
    count = sum(splits[i] == "validation" for i in order)
    moved: set[int] = set()

    def move(i: int) -> None:
        nonlocal count
        moved.add(i)
        held.update(kinds[i])
        count += 1

    for label in sorted(total, key=lambda name: (total[name], name)):
        if total[label] >= MIN_PER_LABEL and not held[label]:
            move(next(i for i in free if label in kinds[i] and i not in moved))
    for i in free:
        if count >= wanted:
            break
        spares = all(total[label] < MIN_PER_LABEL or held[label] + 2 <= total[label] for label in kinds[i])
        if i not in moved and spares:
            move(i)
    return moved
