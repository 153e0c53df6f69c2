"""A quiet period may be over: messages of the quiet queue, delayed by service/quiet_period.py."""

from __future__ import annotations

import json
import logging
from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.ports import QuietMessage
from chalicelib.service.quiet_period import check_quiet
from droplearn.contracts.errors import DropLearnError

log = logging.getLogger(__name__)


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Each message fails on its own (ReportBatchItemFailures)."""
    failed = [record["messageId"] for record in event["Records"] if not _is_handled(record)]
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}


def _is_handled(record: dict[str, Any]) -> bool:
    try:
        started = check_quiet(platform(), QuietMessage(**json.loads(record["body"])))
    except (DropLearnError, ValueError, TypeError) as error:
        log.warning("quiet period not checked, will be tried again: %s", error)
        return False
    if started:
        log.info("the drop is complete: %s", started)
    return True
