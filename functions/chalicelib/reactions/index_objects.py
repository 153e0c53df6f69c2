"""Drop messages from SQS -> examples. Answers with the messages to be delivered again (ReportBatchItemFailures)."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.indexing import Message, index_messages
from droplearn.contracts.errors import DropLearnError

WAITS_S = (60, 120, 1800, 18000)
"""Until a drop is looked at again whose project is being deleted; a small one is gone by
the third look; after the fifth the drop lies in the dead-letter queue."""
log = logging.getLogger(__name__)


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """A malformed message is handed back at once, so that it soon has its tries behind it and lies in the dead-letter queue."""
    records = event["Records"]
    outcome = index_messages(platform(), (Message(record["messageId"], record["body"]) for record in records))
    if outcome.ignored:
        reasons = Counter(ignored.reason for ignored in outcome.ignored)
        log.warning("passed over %d objects %s, the first: %r", len(outcome.ignored), dict(reasons), outcome.ignored[0].key)
    _hand_back([record["receiptHandle"] for record in records if record["messageId"] in outcome.malformed])
    for wait_s in WAITS_S:
        _hand_back([r["receiptHandle"] for r in records if r["messageId"] in outcome.later and _wait_s(r) == wait_s], wait_s)
    failed = outcome.failed | outcome.malformed | outcome.later
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in sorted(failed)]}


def _wait_s(record: dict[str, Any]) -> int:
    """By how often it has come already."""
    return WAITS_S[min(int(record["attributes"]["ApproximateReceiveCount"]), len(WAITS_S)) - 1]


def _hand_back(receipts: list[str], wait_s: int = 0) -> None:
    """If it fails, they come back by themselves, at another time."""
    try:
        platform().drop_queue.hand_back(receipts, wait_s)
    except DropLearnError as error:
        log.warning("messages not handed back: %s", error)
