"""Which droplearn to speak to."""

from __future__ import annotations

import os
from pathlib import Path

from droplearn.client import Client
from droplearn.contracts.connection import Connection
from droplearn.contracts.errors import NotFound

DEFAULT = Path(".droplearn/connection.json")


def connect(given: Path | None) -> Client:
    """`--connection FILE`, else `DROPLEARN_CONNECTION`, else ./.droplearn/connection.json. A folder means its connection.json."""
    path = given or Path(os.environ.get("DROPLEARN_CONNECTION") or DEFAULT)
    if path.is_dir():
        path = path / "connection.json"
    try:
        return Client(Connection.from_json(path.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            "connection.missing",
            f"There is no {path}.",
            hint="Start a droplearn here with `droplearn up`, or name its file with --connection or DROPLEARN_CONNECTION.",
        ) from None
