"""Threads that answer requests. What waits together is worked on together, step by step: all are decoded, then all run, then all answered.

A run of the network empties the core's caches of everything else, so that the code of the other steps costs up to twice as much right after
it. Taking turns within a thread shares that cost, as it shares the waking of the event loop (docs/explanation/measurements.md, "Serving").
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""A piece of work that pauses between its steps."""
MOST_AT_ONCE = 4
"""Jobs of one thread. The first waits for the others, so more would cost those who wait more than it saves."""
TURNS = 3
"""Enough for one input. Of jobs that have more, one is ended after the other: in turns all of them would end late."""
LONG_S = 0.1
"""Where a job takes longer, the next is taken alone: nothing that is saved would be worth the wait."""


class _Job(NamedTuple):
    steps: Steps[bytes]
    answer: asyncio.Future[bytes]


class Workers:
    """`finish` is called on one event loop's thread. The first job starts the threads."""

    def __init__(self, threads: int, most_at_once: int = MOST_AT_ONCE, long_s: float = LONG_S) -> None:
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._count, self._threads = threads, list[threading.Thread]()
        self._most_at_once, self._long_s = most_at_once, long_s

    async def finish(self, steps: Steps[bytes]) -> bytes:
        """What the steps return, or raise."""
        if not self._threads:
            self._start()
        answer = asyncio.get_running_loop().create_future()
        self._waiting.put(_Job(steps, answer))
        try:
            return await answer
        finally:
            del answer  # it holds the error, which holds this frame: a circle that would keep the request until the next collection

    def close(self) -> None:
        """The threads end when they have done what waits; nobody waits for them."""
        for _ in self._threads:
            self._waiting.put(None)

    def _start(self) -> None:
        for number in range(self._count):
            thread = threading.Thread(target=self._work, name=f"predict_{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        was_long = False
        while (first := self._waiting.get()) is not None:
            began, jobs = time.monotonic(), [first] if was_long else [first, *self._share()]
            _take_turns(jobs)
            was_long = time.monotonic() - began > self._long_s * len(jobs)
            del first, jobs  # while it waits for the next it should not keep them

    def _share(self) -> list[_Job]:
        """This thread's part of what waits: never more than the others would leave to it, so that none of them is idle for it."""
        share: list[_Job] = []
        with suppress(Empty):
            for _ in range(min(self._most_at_once - 1, self._waiting.qsize() // self._count)):
                if (job := self._waiting.get_nowait()) is None:
                    self._waiting.put(None)
                    break
                share.append(job)
        return share


def _take_turns(jobs: list[_Job]) -> None:
    """A step of each, then the next step of each, until none is left."""
    turn = 0
    while jobs:
        together = len(jobs) if turn < TURNS else 1
        taken = [(job, _step(job)) for job in jobs[:together]]
        ended = [(job, outcome) for job, outcome in taken if outcome is not None]
        if ended:
            with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                ended[0][0].answer.get_loop().call_soon_threadsafe(_tell, ended)
        jobs = [job for job, outcome in taken if outcome is None] + jobs[together:]
        turn += 1


def _step(job: _Job) -> bytes | Exception | None:
    """What it ended with; None: it goes on."""
    try:
        next(job.steps)
    except StopIteration as end:
        answer: bytes = end.value
        return answer
    except Exception as error:  # noqa: BLE001 (it belongs to him who waits for the answer)
        return _without_this_frame(error)
    except BaseException as error:  # noqa: BLE001 (a thread that ended by it would leave those who wait without an answer for ever)
        return RuntimeError(repr(error))
    return None


def _without_this_frame(error: Exception) -> Exception:
    """Which holds the error, as above."""
    return error.with_traceback(error.__traceback__.tb_next if error.__traceback__ else None)


def _tell(ended: list[tuple[_Job, bytes | Exception]]) -> None:
    for job, outcome in ended:
        if job.answer.done():  # he who asked has gone
            continue
        if isinstance(outcome, Exception):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)
