"""S3 notifications for tests and benchmarks, in the form that S3 sends them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

NOW = "2026-01-01T00:00:00.000Z"


def drop_event(key: str, sequencer: int | str, *, is_removal: bool = False, size: int = 9, etag: str = "e", at: str = NOW) -> str:
    """The body of one SQS message. A number becomes a sequencer of 16 digits."""
    thing: dict[str, Any] = {
        "key": quote_plus(key, safe="/"),
        "sequencer": f"{sequencer:016X}" if isinstance(sequencer, int) else sequencer,
    }
    if not is_removal:
        thing |= {"size": size, "eTag": etag}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": at,
        "eventName": "ObjectRemoved:Delete" if is_removal else "ObjectCreated:Put",
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "drops", "bucket": {"name": "data"}, "object": thing},
    }
    return json.dumps({"Records": [record]})
