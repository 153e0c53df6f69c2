"""Examples and counter shards in the DynamoDB table. Items: docs/reference/table.md.

A write is one transaction: up to 99 examples, each on condition that it is what was read, and one counter shard, chosen at random so that
parallel batches seldom meet. Counting is a Query of a dataset's shards, whatever the number of its examples.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, meaning_of, translated
from chalicelib.adapters.batches import Pause, read_items
from chalicelib.adapters.example_removal import remove_partition
from chalicelib.domain.cursors import decode_cursor, encode_cursor
from chalicelib.domain.dataset import DatasetCounts
from chalicelib.domain.example import Example, Replacement, Tally, counts_of
from chalicelib.domain.indexing import TOMBSTONE_LIFE_S
from chalicelib.domain.records import Page
from chalicelib.domain.times import text_of
from chalicelib.ports import WriteConflict
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import Throttled

SHARDS = 8
LISTING = "listing"
_COUNTER = "n:"
"""Before each counter's attribute name, so that a label named `pk` stays a label."""
_CONFLICTS = {"ConditionalCheckFailed", "TransactionConflict"}
_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}
"""Cancellation reasons. Source: Amazon DynamoDB API Reference, TransactWriteItems."""
_MAX_PAGES = 20
"""Of a filtered listing: a page that is still not full then ends early, with a cursor."""
_FILTERED_AT_ONCE = 200
Item = dict[str, dict[str, Any]]


class TableExampleStore:
    """The port ExampleStore."""

    def __init__(self, table_name: str, data_bucket: str, pause: Pause = time.sleep) -> None:
        self._table, self._data_bucket, self._pause = table_name, data_bucket, pause

    @property
    def data_bucket(self) -> str:
        """Where the examples lie."""
        return self._data_bucket

    # ---- the indexer's side ------------------------------------------------------------------------------------------
    def read(self, project: str, dataset: str, paths: Sequence[str]) -> dict[str, Example]:
        """BatchGetItems, strongly consistent."""
        keys = [{"pk": {"S": examples_pk(project, dataset)}, "sk": {"S": path}} for path in dict.fromkeys(paths)]
        examples = (example_of(item) for item in read_items(self._table, keys, self._pause))
        return {example.path: example for example in examples}

    def write(self, project: str, dataset: str, changes: Sequence[Replacement], tally: Tally, now: datetime) -> None:
        """All or nothing. Raises WriteConflict when an example is not `old` any more, or another transaction is under way."""
        actions = [self._put(project, dataset, change, now) for change in changes]
        try:
            with translated(but=("TransactionCanceledException",)):
                client("dynamodb").transact_write_items(TransactItems=[*actions, self._count(project, dataset, tally, now)])
        except ClientError as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if reasons & _CONFLICTS:
                raise WriteConflict from error
            if reasons & _THROTTLED:
                raise Throttled("aws.throttled", str(error), hint="Try again in some seconds.") from error
            raise meaning_of(error) from error

    def _put(self, project: str, dataset: str, change: Replacement, now: datetime) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": item_of(project, dataset, change.new, int(now.timestamp()))}
        if change.old is None:
            return {"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}
        seen = {":seen": {"S": change.old.sequencer}, ":status": {"S": str(change.old.status)}}
        condition = {"ConditionExpression": "sequencer = :seen AND #status = :status", "ExpressionAttributeNames": {"#status": "status"}}
        return {"Put": put | condition | {"ExpressionAttributeValues": seen}}

    def _count(self, project: str, dataset: str, tally: Tally, now: datetime) -> dict[str, Any]:
        names = {f"#{i}": _COUNTER + name for i, name in enumerate(tally)}
        values = {f":{i}": {"N": str(n)} for i, n in enumerate(tally.values())}
        add = "ADD " + ", ".join(f"#{i} :{i}" for i in range(len(tally))) if tally else ""
        update = {
            "TableName": self._table,
            "Key": {"pk": {"S": dataset_pk(project, dataset)}, "sk": {"S": f"COUNT#{random.randrange(SHARDS)}"}},  # noqa: S311 no secret
            "UpdateExpression": f"SET last_event_at = :now {add}",
            "ExpressionAttributeValues": values | {":now": {"S": text_of(now)}},
        }
        return {"Update": update | ({"ExpressionAttributeNames": names} if names else {})}

    def remove_all(self, project: str, dataset: str, has_time: Callable[[], bool]) -> bool:
        """Queries of keys, and BatchWriteItems."""
        is_done = remove_partition(self._table, examples_pk(project, dataset), has_time)
        return is_done and remove_partition(self._table, dataset_pk(project, dataset), has_time, "COUNT#")

    # ---- the readers' side -------------------------------------------------------------------------------------------
    def counts(self, project: str, dataset: str) -> DatasetCounts:
        """One Query of at most 8 items, strongly consistent."""
        with translated():
            reply = client("dynamodb").query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :count)",
                ExpressionAttributeValues={":pk": {"S": dataset_pk(project, dataset)}, ":count": {"S": "COUNT#"}},
                ConsistentRead=True,
            )
        shards = reply["Items"]
        return counts_of(map(tally_of, shards), max((shard["last_event_at"]["S"] for shard in shards), default=None))

    def read_all(self, project: str, dataset: str) -> Iterator[Example]:
        """Every example that is there, by path (as UTF-8, which is how Python orders strings too), without sequencers; strongly consistent
        page by page.
        """
        query = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "#status <> :deleted",
            "ProjectionExpression": "sk, #status, label, reason, etag, size_bytes, changed_at",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":pk": {"S": examples_pk(project, dataset)}, ":deleted": {"S": "deleted"}},
            "ConsistentRead": True,
        }
        start: dict[str, Any] = {}
        while True:
            with translated():
                reply = client("dynamodb").query(**query, **start)
            yield from map(example_of, reply["Items"])
            if "LastEvaluatedKey" not in reply:
                return
            start = {"ExclusiveStartKey": reply["LastEvaluatedKey"]}

    def page(self, project: str, dataset: str, status: str | None, label: str | None, limit: int, cursor: str | None) -> Page[Example]:
        """By path. With a label, or of unlabelled, annotating or skipped ones: a Query of the listing; else of the table, filtered.

        The cursor is the last path, so that it fits whatever is asked for. Raises InvalidRequest (`cursor.invalid`).
        """
        query, is_exact = self._listing(project, dataset, status, label)
        after = (decode_cursor(cursor, {"path"}) or {}).get("path")
        found: list[Example] = []
        for _ in range(_MAX_PAGES):
            start = {"ExclusiveStartKey": _start_key(query, project, dataset, after)} if after else {}
            with translated():
                reply = client("dynamodb").query(**query, **start, Limit=limit if is_exact else max(limit, _FILTERED_AT_ONCE))
            found += map(example_of, reply["Items"])
            last = reply.get("LastEvaluatedKey")
            after = last["sk"]["S"] if last else None
            if last is None or len(found) >= limit:
                break
        if len(found) > limit:
            found, after = found[:limit], found[limit - 1].path
        return Page(found, encode_cursor({"path": after}) if after else None)

    def _listing(self, project: str, dataset: str, status: str | None, label: str | None) -> tuple[dict[str, Any], bool]:
        """The Query, and whether it finds nothing that is not asked for."""
        if label is not None or status in ("unlabelled", "annotation", "skipped"):
            place = listed_in(project, dataset, status or "labelled", label)
            query = {"IndexName": LISTING, "KeyConditionExpression": "listed_in = :in", "ExpressionAttributeValues": {":in": {"S": place}}}
            return query | {"TableName": self._table}, True
        values = {":pk": {"S": examples_pk(project, dataset)}, ":status": {"S": status or "deleted"}}
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": f"#status {'=' if status else '<>'} :status",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values,
        }, False


# ---- items -----------------------------------------------------------------------------------------------------------
def examples_pk(project: str, dataset: str) -> str:
    """Partition of a dataset's examples."""
    return f"EXAMPLES#{project}/{dataset}"


def dataset_pk(project: str, dataset: str) -> str:
    """Partition of the dataset itself and of its counter shards."""
    return f"DATASET#{project}/{dataset}"


def listed_in(project: str, dataset: str, status: str, label: str | None) -> str:
    """Partition of the listing: examples of one status, labelled ones by label."""
    return f"{examples_pk(project, dataset)}#{status}" + (f"#{label}" if label is not None else "")


def _start_key(query: Item, project: str, dataset: str, after: str) -> Item:
    key: Item = {"pk": {"S": examples_pk(project, dataset)}, "sk": {"S": after}}
    if "IndexName" in query:
        key |= {"listed_in": query["ExpressionAttributeValues"][":in"], "listed_at": {"S": after}}
    return key


def item_of(project: str, dataset: str, example: Example, now_s: int) -> Item:
    """A tombstone is in no listing, and expires."""
    item: Item = {
        "pk": {"S": examples_pk(project, dataset)},
        "sk": {"S": example.path},
        "status": {"S": str(example.status)},
        "sequencer": {"S": example.sequencer},
        "etag": {"S": example.etag},
        "size_bytes": {"N": str(example.size_bytes)},
        "changed_at": {"S": example.changed_at},
    }
    if example.status is ExampleStatus.DELETED:
        return item | {"expires_at": {"N": str(now_s + TOMBSTONE_LIFE_S)}}
    optional = {name: {"S": value} for name, value in (("label", example.label), ("reason", example.reason)) if value is not None}
    place = listed_in(project, dataset, example.status, example.label)
    return item | optional | {"listed_in": {"S": place}, "listed_at": {"S": example.path}}


def example_of(item: Item) -> Example:
    """The reverse; what was not asked for is empty."""
    return Example(
        path=item["sk"]["S"],
        status=ExampleStatus(item["status"]["S"]),
        sequencer=_text(item, "sequencer") or "",
        etag=_text(item, "etag") or "",
        size_bytes=int(item["size_bytes"]["N"]),
        label=_text(item, "label"),
        reason=_text(item, "reason"),
        changed_at=_text(item, "changed_at") or "",
    )


def _text(item: Item, name: str) -> str | None:
    return item[name]["S"] if name in item else None


def tally_of(shard: Item) -> dict[str, int]:
    """A shard's counters."""
    return {name.removeprefix(_COUNTER): int(value["N"]) for name, value in shard.items() if name.startswith(_COUNTER)}
