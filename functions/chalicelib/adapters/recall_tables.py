"""The port RecallTables on the second DynamoDB table (docs/reference/table.md)."""

from __future__ import annotations

import time
from collections.abc import Sequence

from chalicelib.adapters.aws import client, translated
from chalicelib.adapters.batches import Pause, read_items, write_items


class DynamoRecallTables:
    """Items `{pk: <version>#<table>#<key>, v: <value>, expires_at}`."""

    def __init__(self, table_name: str, pause: Pause = time.sleep) -> None:
        self._table, self._pause = table_name, pause

    def write(self, version: str, table: str, rows: Sequence[tuple[str, str]], expires_at: int) -> None:
        """BatchWriteItems, several at a time; of rows with the same key the last one counts."""
        requests = [
            {"PutRequest": {"Item": {"pk": _pk(version, table, key), "v": {"S": value}, "expires_at": {"N": str(expires_at)}}}}
            for key, value in dict(rows).items()
        ]
        write_items(self._table, requests, self._pause)

    def read(self, version: str, keys: Sequence[tuple[str, str]], *, is_consistent: bool = False) -> dict[tuple[str, str], str]:
        """BatchGetItems of 100 keys. Keys that are not there are left out."""
        names = {_pk(version, *key)["S"]: key for key in keys}
        items = read_items(self._table, [{"pk": {"S": pk}} for pk in names], self._pause, is_consistent=is_consistent)
        return {names[item["pk"]["S"]]: str(item["v"]["S"]) for item in items}

    def remove(self, version: str, table: str, key: str) -> None:
        """One DeleteItem."""
        with translated():
            client("dynamodb").delete_item(TableName=self._table, Key={"pk": _pk(version, table, key)})


def _pk(version: str, table: str, key: str) -> dict[str, str]:
    return {"S": f"{version}#{table}#{key}"}
