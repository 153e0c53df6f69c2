"""When the sweep was last needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Sweep:
    """`needed_at`: when the last service was made. There is one."""

    KIND: ClassVar[str] = "SWEEP"
    KEY: ClassVar[str] = "services"

    needed_at: str
    id: str = KEY

    @property
    def key(self) -> str:
        """Always the same."""
        return self.id

    @property
    def listing(self) -> None:
        """Never listed."""
        return None
