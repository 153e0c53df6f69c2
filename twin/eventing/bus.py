"""Puts events of AWS services on the default bus."""

import json
from collections.abc import Iterable
from typing import Any

from moto.events.models import events_backends


def put_event(account: str, region: str, source: str, detail_type: str, detail: dict[str, Any], resources: Iterable[str] = ()) -> None:
    """Emit one event, as the service named by `source` would."""
    entry = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail, default=str),
        "Resources": list(resources),
    }
    events_backends[account][region].put_events([entry])
