"""What the account is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Announcer(Protocol):
    """Tells whoever in the account has asked to hear of it: a mail, a chat, a ticket; perhaps nobody."""

    def announce(self, what: str, detail: Mapping[str, Any]) -> None:
        """An event. Raises TransientError when it was not taken."""
