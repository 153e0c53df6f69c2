"""Work in threads, on all cores, in bounded memory. For work that leaves the interpreter: decoding, ONNX Runtime, numpy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

_LOOK_EVERY_S = 0.5

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Sequence[T], check: Callable[[], None]) -> Iterator[R]:
    """Results as they come. Few are under way at once: a stop (an exception of `check`) is quick, and memory is bounded."""
    workers = core_count()
    waiting, running = iter(items), set[Future[R]]()
    with ThreadPoolExecutor(workers, "work") as pool:
        while True:
            check()
            running.update(pool.submit(work, item) for item in islice(waiting, 2 * workers - len(running)))
            if not running:
                return
            finished, running = wait(running, _LOOK_EVERY_S, FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
