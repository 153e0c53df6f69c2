"""A plan: what each column of a table is. Turns frames into features, the same in training and in serving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from droplearn.contracts.document import Part
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.frame import Frame
from droplearn.scenarios.tabular_prediction.columns.kinds import CategoryColumn, DateColumn, Encoded, IgnoredColumn, NumberColumn
from droplearn.scenarios.tabular_prediction.columns.text import TextColumn
from droplearn.scenarios.tabular_prediction.columns.values import Mask, as_texts

AnyColumn = Annotated[NumberColumn | CategoryColumn | DateColumn | TextColumn | IgnoredColumn, Field(discriminator="kind")]


@dataclass(frozen=True)
class Features:
    """numbers: (N, D) float64, NaN where missing. codes: (N, C) int32."""

    numbers: Floats
    codes: Integers

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: Integers) -> Features:
        """These rows, in this order."""
        return Features(self.numbers[rows], self.codes[rows])


class Plan(Part):
    """`columns`: every column of the training table but the target, in its order."""

    columns: list[AnyColumn]

    @property
    def used(self) -> list[str]:
        """The columns that a prediction needs."""
        return [column.name for column in self.columns if column.kind != "ignored"]

    @property
    def ignored(self) -> list[str]:
        """The columns that are left out."""
        return [column.name for column in self.columns if column.kind == "ignored"]

    @property
    def number_names(self) -> list[str]:
        """Of the features, in order."""
        return [name for column in self.columns for name in column.number_names()]

    @property
    def code_sizes(self) -> dict[str, int]:
        """Of the categorical features, in order: name to number of codes."""
        return {name: size for column in self.columns for name, size in column.code_sizes().items()}

    def encode(self, frame: Frame, *, is_training: bool = False) -> tuple[Features, dict[str, Mask]]:
        """Features, and by column which cells are of a wrong type (they count as missing). `frame` must hold the used columns."""
        into = Encoded()
        for column in self.columns:
            if column.kind == "ignored":
                continue
            if isinstance(column, TextColumn):
                column.encode_texts(as_texts(frame.columns[column.name]), into, is_training=is_training)
            else:
                column.encode(frame.columns[column.name], into)
        numbers = np.column_stack(into.numbers) if into.numbers else np.zeros((frame.count, 0))
        codes = np.column_stack(into.codes) if into.codes else np.zeros((frame.count, 0), np.int32)
        return Features(numbers, codes.astype(np.int32, copy=False)), into.problems

    def places(self) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
        """Each used column with the places of its numbers and of its codes."""
        number = code = 0
        for column in self.columns:
            numbers, codes = len(column.number_names()), len(column.code_sizes())
            if column.kind != "ignored":
                yield column.name, range(number, number + numbers), range(code, code + codes)
            number, code = number + numbers, code + codes
