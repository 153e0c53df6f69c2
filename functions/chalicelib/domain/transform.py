"""How the objects of a batch job are cut into transform jobs, and what SageMaker is told of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

MIB = 1024 * 1024
FEWEST, MOST, PARTS = 10_000, 100_000, 20
"""A stopped transform job stores nothing, so a large batch is cut into some parts; each costs minutes until its instances run.
Source: Amazon SageMaker API Reference, StopTransformJob.
"""
MAX_PAYLOAD_MB = 100
"""MaxPayloadInMB, and its product with MaxConcurrentTransforms. Source: Amazon SageMaker API Reference, CreateTransformJob."""
USUAL_PAYLOAD_MB, MOST_AT_ONCE = 6, 16
"""A small picture waits for the network, so more are sent at once than an instance has cores; the server queues them."""


class Load(NamedTuple):
    """What fits all objects of a batch job. The payload is the largest object's, and one to spare."""

    max_payload_mb: int
    max_concurrent: int


def load_for(largest_bytes: int) -> Load:
    """As many at once as the product allows."""
    payload = min(MAX_PAYLOAD_MB, max(USUAL_PAYLOAD_MB, -(-largest_bytes // MIB) + 1))
    return Load(payload, max(1, min(MOST_AT_ONCE, MAX_PAYLOAD_MB // payload)))


def is_too_large(size_bytes: int) -> bool:
    """SageMaker would refuse it."""
    return size_bytes > (MAX_PAYLOAD_MB - 1) * MIB


def chunk_size(count: int, wanted: int | None) -> int:
    """Objects of one transform job: about a twentieth of a large batch."""
    return wanted or min(MOST, max(FEWEST, -(-count // PARTS)))


def chunks(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """`size` at a time."""
    part: list[str] = []
    for key in keys:
        part.append(key)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
