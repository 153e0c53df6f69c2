"""When the sweep was last needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chalicelib.domain.records import ById


@dataclass(frozen=True)
class Sweep(ById):
    """`needed_at`: when the last service was made. There is one, with one `id`."""

    KIND: ClassVar[str] = "SWEEP"
    KEY: ClassVar[str] = "services"

    needed_at: str
    id: str = KEY

    @property
    def listing(self) -> None:
        """Never listed."""
        return None
