"""DynamoDB as a dictionary behind botocore: requests are built, signed, serialised and parsed as always, only the network is missing.

Knows just what indexing asks for, in constant time per item, and counts calls by service and operation. Its own time is kept apart.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Key = tuple[str, str]


class DynamoStub:
    """Attach with `attach(client)`."""

    def __init__(self) -> None:
        self.items: dict[Key, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.own_s = 0.0

    def attach(self, client: Any) -> None:
        """From now on, what the client sends comes here."""
        client.meta.events.register("before-send.dynamodb", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        began = time.process_time()
        operation = request.headers["X-Amz-Target"].decode().split(".")[1]
        self.calls[f"dynamodb:{operation}"] += 1
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        status, reply = _OPERATIONS[operation](self, json.loads(body))
        answer = AWSResponse(request.url, status, {"x-amzn-RequestId": "r", "Content-Type": "application/x-amz-json-1.0"}, _Raw(reply))
        self.own_s += time.process_time() - began
        return answer

    def get_item(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        item = self.items.get(_key(given["Key"]))
        return 200, {"Item": item} if item else {}

    def batch_get_item(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        ((table, asked),) = given["RequestItems"].items()
        found = [self.items[_key(key)] for key in asked["Keys"] if _key(key) in self.items]
        return 200, {"Responses": {table: found}, "UnprocessedKeys": {}}

    def put_item(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if not self._holds(given):
            return 400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "m"}
        self.items[_key(given["Item"])] = given["Item"]
        return 200, {}

    def update_item(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        item = self.items.setdefault(_key(given["Key"]), dict(given["Key"]))
        names, values = given.get("ExpressionAttributeNames", {}), given["ExpressionAttributeValues"]
        for part in given["UpdateExpression"].partition("ADD ")[2].split(", "):
            name, _, value = part.partition(" ")
            if name:
                known = int(item.get(names[name], {"N": "0"})["N"])
                item[names[name]] = {"N": str(known + int(values[value]["N"]))}
        if ":now" in values:
            item["last_event_at"] = values[":now"]
        return 200, {}

    def transact_write_items(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        actions = given["TransactItems"]
        assert len(actions) <= 100
        assert all(self._holds(action["Put"]) for action in actions if "Put" in action)
        for action in actions:
            self.put_item(action["Put"]) if "Put" in action else self.update_item(action["Update"])
        return 200, {}

    def query(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        pk = given["ExpressionAttributeValues"][":pk"]["S"]
        return 200, {"Items": [item for key, item in self.items.items() if key[0] == pk and key[1].startswith("COUNT#")]}

    def _holds(self, put: dict[str, Any]) -> bool:
        known, condition = self.items.get(_key(put["Item"])), put.get("ConditionExpression")
        if condition == "attribute_not_exists(pk)":
            return known is None
        return condition is None or (known is not None and known["sequencer"] == put["ExpressionAttributeValues"][":seen"])


_OPERATIONS = {
    "BatchGetItem": DynamoStub.batch_get_item,
    "GetItem": DynamoStub.get_item,
    "PutItem": DynamoStub.put_item,
    "Query": DynamoStub.query,
    "TransactWriteItems": DynamoStub.transact_write_items,
    "UpdateItem": DynamoStub.update_item,
}


class _Raw(BytesIO):
    """A body as urllib3 gives it."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(json.dumps(reply).encode())

    def stream(self, **_: Any) -> Any:
        yield self.read()


def _key(item: dict[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]
