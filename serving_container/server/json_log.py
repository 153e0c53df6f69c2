"""stdout, one JSON object a line: what CloudWatch and the twin read."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson


def log(event: str, level: str = "info", **fields: Any) -> None:
    """One line, flushed."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "event": event, **fields}
    sys.stdout.write(orjson.dumps(line, default=str).decode() + "\n")
    sys.stdout.flush()


class JsonLogHandler(logging.Handler):
    """Libraries' log records in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """A traceback goes to the log, and only there."""
        trouble = {"exception": logging.Formatter().formatException(record.exc_info)} if record.exc_info else {}
        log("library", record.levelname.lower(), logger=record.name, message=record.getMessage(), **trouble)
