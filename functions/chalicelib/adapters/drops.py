"""The data bucket's files that are read, and the two queues around a drop."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, is_not_found, translated
from chalicelib.adapters.s3_listing import list_objects
from chalicelib.ports import QuietMessage, StoredObject
from droplearn.contracts.dataset_config import MAX_CONFIG_BYTES
from droplearn.contracts.s3_layout import CONFIG_FILE, dataset_prefix

_AT_ONCE = 10
"""Source: Amazon SQS API Reference, ChangeMessageVisibilityBatch."""


class S3DroppedFiles:
    """The port DroppedFiles."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def read_config(self, project: str, dataset: str) -> bytes | None:
        """A large object of that name is not fetched."""
        return self._range(dataset_prefix(project, dataset) + CONFIG_FILE, 0, MAX_CONFIG_BYTES + 1)

    def read_range(self, key: str, first: int, count: int) -> bytes:
        """One GetObject."""
        return self._range(key, first, count) or b""

    def _range(self, key: str, first: int, count: int) -> bytes | None:
        with translated():
            try:
                found = client("s3").get_object(Bucket=self._bucket, Key=key, Range=f"bytes={first}-{first + count - 1}")
            except ClientError as error:
                if is_not_found(error):
                    return None
                if code_of(error) == "InvalidRange":  # an empty object has no first byte
                    return b""
                raise
            return bytes(found["Body"].read())

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """ListObjectsV2, a thousand at a time."""
        return list_objects(self._bucket, prefix)


class SqsDropQueue:
    """The port DropQueue."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def hand_back(self, receipts: Sequence[str], wait_s: int = 0) -> None:
        """One call for ten. What was handed back already, or taken again, is nobody's loss."""
        for start in range(0, len(receipts), _AT_ONCE):
            entries = [
                {"Id": str(i), "ReceiptHandle": receipt, "VisibilityTimeout": wait_s}
                for i, receipt in enumerate(receipts[start : start + _AT_ONCE])
            ]
            with translated():
                client("sqs").change_message_visibility_batch(QueueUrl=self._queue_url, Entries=entries)


class SqsQuietTimer:
    """The port QuietTimer."""

    def __init__(self, queue_url: str) -> None:
        self._queue_url = queue_url

    def send(self, message: QuietMessage, delay_s: int) -> None:
        """One SendMessage."""
        with translated():
            client("sqs").send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(asdict(message)), DelaySeconds=delay_s)
