"""One DynamoDB request at a time. moto reads, checks and writes without a lock: conditional writes of two requests could both win."""

import threading
from typing import Any

from moto.dynamodb.responses import DynamoHandler

lock = threading.RLock()


def install() -> None:
    """Let every operation of the API hold the lock."""
    call_action = DynamoHandler.call_action

    def locked(handler: Any) -> Any:
        with lock:
            return call_action(handler)

    DynamoHandler.call_action = locked
