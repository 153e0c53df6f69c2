"""Rows that services of tables answer from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class RecallTables(Protocol):
    """Rows that services of tables answer from. `version`: whose, as recall_versions.tables_of names it. A row expires by itself."""

    def write(self, version: str, table: str, rows: Sequence[tuple[str, str]], expires_at: int) -> None:
        """(key, value), over what was there. `expires_at`: seconds since 1970. Raises Throttled."""

    def read(self, version: str, keys: Sequence[tuple[str, str]], *, is_consistent: bool = False) -> dict[tuple[str, str], str]:
        """By (table, key); those that are not there are left out. Not consistent: nor may be what was written a second ago. Raises
        Throttled.
        """

    def remove(self, version: str, table: str, key: str) -> None:
        """Nothing happens when it is not there."""
