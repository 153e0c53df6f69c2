"""Many items of a DynamoDB table in few requests; who reads or writes a batch sends what comes back unprocessed again, later each time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from chalicelib.adapters.aws import client, translated
from droplearn.contracts.errors import Throttled

BATCH_WRITE, BATCH_GET = 25, 100
"""Source: Amazon DynamoDB API Reference, BatchWriteItem and BatchGetItem."""
WRITERS = 8
_TRIES, _FIRST_WAIT_S, _LONGEST_WAIT_S = 10, 0.05, 5.0
Pause = Callable[[float], None]
Key = dict[str, dict[str, str]]


def read_items(table: str, keys: Sequence[Key], pause: Pause = time.sleep, *, is_consistent: bool = True) -> Iterator[dict[str, Any]]:
    """In no order; keys that are not there are left out. No key twice: BatchGetItem refuses that. Raises Throttled (`aws.throttled`)."""
    for start in range(0, len(keys), BATCH_GET):
        yield from _read(table, keys[start : start + BATCH_GET], pause, is_consistent)


def _read(table: str, keys: Sequence[Key], pause: Pause, is_consistent: bool) -> Iterator[dict[str, Any]]:
    for wait_s in waits():
        with translated():
            reply = client("dynamodb").batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": is_consistent}})
        yield from reply["Responses"].get(table, [])
        keys = reply.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        if not keys:
            return
        pause(wait_s)
    raise Throttled("aws.throttled", f"The table left {len(keys)} items unread.", hint="Try again in some seconds.")


def write_items(table: str, requests: Sequence[dict[str, Any]], pause: Pause = time.sleep) -> None:
    """PutRequests and DeleteRequests, several batches at a time. No key twice. Raises Throttled (`aws.throttled`)."""
    batches = [requests[start : start + BATCH_WRITE] for start in range(0, len(requests), BATCH_WRITE)]
    if len(batches) < 2:
        for batch in batches:
            _write(table, pause, batch)
        return
    with ThreadPoolExecutor(WRITERS, "writer") as pool:
        for _ in pool.map(partial(_write, table, pause), batches):
            pass


def _write(table: str, pause: Pause, batch: Sequence[dict[str, Any]]) -> None:
    for wait_s in waits():
        with translated():
            batch = client("dynamodb").batch_write_item(RequestItems={table: batch}).get("UnprocessedItems", {}).get(table, [])
        if not batch:
            return
        pause(wait_s)
    raise Throttled("aws.throttled", "The table takes no more now.", hint="Try again in some seconds.")


def waits() -> Iterator[float]:
    """Seconds; one a try, doubling, with full jitter."""
    for attempt in range(_TRIES):
        yield random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt))  # noqa: S311 (spreads load)
