"""Drop messages from SQS -> examples. Answers with the messages to be delivered again (ReportBatchItemFailures)."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.indexing import Message, index_messages
from droplearn.contracts.errors import DropLearnError

log = logging.getLogger(__name__)


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """A malformed message is handed back at once, so that it soon has its tries behind it and lies in the dead-letter queue."""
    records = event["Records"]
    outcome = index_messages(platform(), (Message(record["messageId"], record["body"]) for record in records))
    if outcome.ignored:
        reasons = Counter(ignored.reason for ignored in outcome.ignored)
        log.warning("passed over %d objects %s, the first: %r", len(outcome.ignored), dict(reasons), outcome.ignored[0].key)
    _hand_back([record["receiptHandle"] for record in records if record["messageId"] in outcome.malformed])
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in sorted(outcome.failed | outcome.malformed)]}


def _hand_back(receipts: list[str]) -> None:
    """If it fails, they come back by themselves, only later."""
    try:
        platform().drop_queue.hand_back(receipts)
    except DropLearnError as error:
        log.warning("malformed messages not handed back: %s", error)
