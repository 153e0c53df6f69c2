"""boto3 clients of task states: with the state machine's role, and kept (a client costs 30-100 ms).

moto signs everything with one made-up key and makes a new client for each task.
"""

import sys
import threading
import time
from typing import Any

from botocore.config import Config

from twin.clients import make_client
from twin.identity import Credentials

_REFRESH_S = 1800
_CONFIG = Config(
    parameter_validation=False,
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=900,  # a Lambda function may run for 15 minutes
    max_pool_connections=50,
    s3={"addressing_style": "path"},
)


def install(endpoint_url: str, credentials: Credentials) -> None:
    """Give every task state of moto's interpreter these clients. Call after the interpreter's modules are imported."""
    kept: dict[tuple[str, str, str | None, int], Any] = {}
    lock = threading.Lock()

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        role = state_credentials.role_arn if state_credentials else None
        key = (service, region, role, int(time.monotonic() // _REFRESH_S))
        with lock:
            if key not in kept:
                keys = credentials.of_role(role) if role and ":role/" in role else credentials.root
                kept[key] = make_client(service, region, endpoint_url, keys, _CONFIG)
            return kept[key]

    for name, module in list(sys.modules.items()):  # each service's module imported the function by name
        if name.startswith("moto.stepfunctions.parser") and getattr(module, "boto_client_for", None) is not None:
            module.boto_client_for = boto_client_for  # type: ignore[attr-defined]
