"""S3 event notifications as S3 sends them, where moto 5.2.5 leaves something out.

`sequencer` orders the events of one key; moto sends none. Here it is the time in nanoseconds, never the same twice, in hexadecimal.
Source: Amazon S3 User Guide, Event message structure.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.s3 import notifications

_lock = threading.Lock()
_last = 0


def next_sequencer() -> str:
    """16 hexadecimal digits; later calls sort later, also over restarts."""
    global _last
    with _lock:
        _last = max(_last + 1, time.time_ns())
        return f"{_last:016X}"


def install() -> None:
    """Before the first object lands."""
    make = notifications._get_s3_event

    def get_s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event = make(event_name, bucket, key, notification_id)
        event["Records"][0]["s3"]["object"]["sequencer"] = next_sequencer()
        return event

    notifications._get_s3_event = get_s3_event
