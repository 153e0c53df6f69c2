"""The port RecallTables on the second DynamoDB table (docs/reference/table.md)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.adapters.aws import client, translated
from droplearn.contracts.errors import Throttled

BATCH_WRITE, BATCH_GET = 25, 100
"""Source: Amazon DynamoDB API Reference, BatchWriteItem and BatchGetItem."""
WRITERS = 8
_TRIES, _FIRST_WAIT_S, _LONGEST_WAIT_S = 10, 0.05, 5.0


class DynamoRecallTables:
    """Items `{pk: <version>#<table>#<key>, v: <value>, expires_at}`."""

    def __init__(self, table_name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._table, self._pause = table_name, pause

    def write(self, version: str, table: str, rows: Sequence[tuple[str, str]], expires_at: int) -> None:
        """BatchWriteItems, several at a time; of rows with the same key the last one counts."""
        requests = [
            {"PutRequest": {"Item": {"pk": _pk(version, table, key), "v": {"S": value}, "expires_at": {"N": str(expires_at)}}}}
            for key, value in dict(rows).items()
        ]
        batches = [requests[start : start + BATCH_WRITE] for start in range(0, len(requests), BATCH_WRITE)]
        if len(batches) < 2:
            for batch in batches:
                self._write(batch)
            return
        with ThreadPoolExecutor(WRITERS, "writer") as pool:
            for _ in pool.map(self._write, batches):
                pass

    def read(self, version: str, keys: Sequence[tuple[str, str]], *, is_consistent: bool = False) -> dict[tuple[str, str], str]:
        """BatchGetItems of 100 keys. Keys that are not there are left out."""
        names = {_pk(version, *key)["S"]: key for key in keys}
        wanted, found = list(names), {}
        for start in range(0, len(wanted), BATCH_GET):
            for item in self._read([{"pk": {"S": pk}} for pk in wanted[start : start + BATCH_GET]], is_consistent):
                found[names[item["pk"]["S"]]] = str(item["v"]["S"])
        return found

    def remove(self, version: str, table: str, key: str) -> None:
        """One DeleteItem."""
        with translated():
            client("dynamodb").delete_item(TableName=self._table, Key={"pk": _pk(version, table, key)})

    def _write(self, batch: list[dict[str, Any]]) -> None:
        for wait_s in self._waits():
            with translated():
                batch = (
                    client("dynamodb").batch_write_item(RequestItems={self._table: batch}).get("UnprocessedItems", {}).get(self._table, [])
                )
            if not batch:
                return
            self._pause(wait_s)
        raise Throttled("aws.throttled", "The table takes no more rows now.", hint="Try again in some seconds.")

    def _read(self, keys: list[Mapping[str, Any]], is_consistent: bool) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for wait_s in self._waits():
            with translated():
                reply = client("dynamodb").batch_get_item(RequestItems={self._table: {"Keys": keys, "ConsistentRead": is_consistent}})
            found += reply["Responses"].get(self._table, [])
            keys = reply.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
            if not keys:
                return found
            self._pause(wait_s)
        raise Throttled("aws.throttled", "The table answers no more reads now.", hint="Try again in some seconds.")

    def _waits(self) -> Iterator[float]:
        """Doubling, with full jitter."""
        for attempt in range(_TRIES):
            yield random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt))  # noqa: S311 (spreads load)


def _pk(version: str, table: str, key: str) -> dict[str, str]:
    return {"S": f"{version}#{table}#{key}"}
