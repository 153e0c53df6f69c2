"""boto3 clients, all from one session: it keeps the models of the services, which cost 0.1 s to load, and may be used by one thread at a
time. Each client has its own keys, and may be used by many.
"""

import threading
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from twin.identity import Keys

_lock = threading.Lock()


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def make_client(service: str, region: str, endpoint_url: str, keys: Keys, config: Config) -> Any:
    """A new client."""
    with _lock:
        return _session().client(service, region_name=region, endpoint_url=endpoint_url, config=config, **keys.for_boto3())
