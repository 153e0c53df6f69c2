"""A drop of a thousand objects costs few AWS calls: a count, so the same on every machine. The whole table: `make bench-indexing`."""

from benchmarks.indexing.__main__ import GOAL, batch_size, events, run
from benchmarks.indexing.contenders import environment
from chalicelib.adapters import aws
from chalicelib.bootstrap import platform


def test_a_thousand_objects_are_indexed_with_at_most_sixty_calls_and_seen_again_with_fewer():
    batches = events(1000, batch_size())
    try:
        with environment:
            first, again = (sum(run("droplearn", batches, again=again).calls.values()) for again in (False, True))
    finally:
        aws.client.cache_clear()
        platform.cache_clear()
    assert again < first <= GOAL
