"""The port Announcer on EventBridge's default bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.adapters.aws import client, translated
from droplearn.contracts.errors import TransientError

SOURCE = "droplearn"


class EventBridgeAnnouncer:
    """One event each. Source: Amazon EventBridge API Reference, PutEvents: what is not taken is told in the answer."""

    def announce(self, what: str, detail: Mapping[str, Any]) -> None:
        """One PutEvents."""
        with translated():
            reply = client("events").put_events(Entries=[{"Source": SOURCE, "DetailType": what, "Detail": json.dumps(detail)}])
        if reply["FailedEntryCount"]:
            told = reply["Entries"][0]
            raise TransientError("aws.unavailable", f"EventBridge: {told.get('ErrorCode')} {told.get('ErrorMessage')}", hint="Try again.")
