"""What a command gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """The document that `--json` prints, and whether the exit status is 0."""

    document: Any
    is_success: bool = True
