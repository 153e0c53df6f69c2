"""The threads that answer: turns, shares, errors, ends."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from server.workers import MOST_AT_ONCE, Steps, Workers

PATIENT = 3600.0
"""Seconds: no job is long, however loaded the machine is."""


class Recorder:
    """Jobs of three steps an input that write down who took which, in which thread."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.threads: dict[str, str] = {}

    def job(self, name: str, inputs: int = 1) -> Steps[bytes]:
        self.threads[name] = threading.current_thread().name
        for _ in range(inputs):
            for step in ("decode", "run"):
                self.taken.append((name, step))
                yield
            self.taken.append((name, "answer"))
        return name.encode()


def gated(gate: threading.Event, begun: threading.Event) -> Steps[bytes]:
    begun.set()
    gate.wait(10)
    yield
    return b"gate"


def failing(error: BaseException) -> Steps[bytes]:
    yield
    raise error


async def behind_a_gate(workers: Workers, threads: int, *jobs: Coroutine[Any, Any, bytes]) -> list[Any]:
    """All threads are busy until all jobs wait."""
    gate, gates = threading.Event(), []
    for _ in range(threads):
        begun = threading.Event()
        gates.append(asyncio.ensure_future(workers.finish(gated(gate, begun))))
        await asyncio.to_thread(begun.wait, 10)
    waiting = [asyncio.ensure_future(job) for job in jobs]
    await asyncio.sleep(0)  # one turn of the loop: all have been put
    gate.set()
    await asyncio.gather(*gates)
    return await asyncio.gather(*waiting, return_exceptions=True)


def test_what_waits_together_is_taken_step_by_step() -> None:
    workers, seen = Workers(1, long_s=PATIENT), Recorder()
    answers = asyncio.run(behind_a_gate(workers, 1, *(workers.finish(seen.job(name)) for name in "abc")))
    workers.close()
    assert answers == [b"a", b"b", b"c"]
    assert seen.taken == [(name, step) for step in ("decode", "run", "answer") for name in "abc"]


def test_a_thread_takes_no_more_than_its_share() -> None:
    workers, seen = Workers(1, long_s=PATIENT), Recorder()
    names = [str(number) for number in range(2 * MOST_AT_ONCE)]
    asyncio.run(behind_a_gate(workers, 1, *(workers.finish(seen.job(name)) for name in names)))
    workers.close()
    assert [name for name, step in seen.taken if step == "answer"] == names
    assert seen.taken.index((names[MOST_AT_ONCE], "decode")) > seen.taken.index((names[MOST_AT_ONCE - 1], "answer"))


def test_of_jobs_with_many_inputs_one_is_ended_after_the_other() -> None:
    workers, seen = Workers(1, long_s=PATIENT), Recorder()
    jobs = [seen.job("long", 9), seen.job("longer", 12), seen.job("short")]
    asyncio.run(behind_a_gate(workers, 1, *(workers.finish(job) for job in jobs)))
    workers.close()
    last = {name: place for place, (name, _) in enumerate(seen.taken)}
    assert sorted(last, key=last.__getitem__) == ["short", "long", "longer"]
    assert last["short"] <= 10
    assert sum(name == "longer" for name, _ in seen.taken[: last["long"]]) <= 4


def test_after_a_long_job_the_next_is_taken_alone() -> None:
    workers, seen = Workers(1, long_s=-1.0), Recorder()
    asyncio.run(behind_a_gate(workers, 1, *(workers.finish(seen.job(name)) for name in "abc")))
    workers.close()
    assert [name for name, _ in seen.taken] == [*"aaabbbccc"]


def test_what_waits_is_left_to_threads_that_would_be_idle() -> None:
    workers, both = Workers(2, long_s=PATIENT), threading.Barrier(2)

    def meeting() -> Steps[bytes]:
        both.wait(10)  # broken, and the test fails, if one thread holds both jobs
        yield
        return b"met"

    answers = asyncio.run(behind_a_gate(workers, 2, workers.finish(meeting()), workers.finish(meeting())))
    workers.close()
    assert answers == [b"met", b"met"]


def test_an_error_is_for_its_asker_alone() -> None:
    workers, seen = Workers(1, long_s=PATIENT), Recorder()
    jobs = [workers.finish(failing(KeyError("broken"))), workers.finish(seen.job("a"))]
    broken, fine = asyncio.run(behind_a_gate(workers, 1, *jobs))
    workers.close()
    assert isinstance(broken, KeyError)
    assert fine == b"a"


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError()])
def test_no_error_whatever_ends_a_thread(error: BaseException) -> None:
    async def main(workers: Workers) -> bytes:
        with pytest.raises((RuntimeError, MemoryError)):
            await asyncio.wait_for(workers.finish(failing(error)), 10)
        return await asyncio.wait_for(workers.finish(Recorder().job("next")), 10)

    workers = Workers(1)
    assert asyncio.run(main(workers)) == b"next"
    workers.close()


def test_where_there_was_no_thread_the_next_job_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(workers: Workers) -> bytes:
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError("can't start new thread")))
            with pytest.raises(RuntimeError, match="new thread"):
                await workers.finish(Recorder().job("refused"))
        return await asyncio.wait_for(workers.finish(Recorder().job("next")), 10)

    workers = Workers(1)
    assert asyncio.run(main(workers)) == b"next"
    workers.close()


def test_an_error_leaves_nothing_for_the_garbage_collector() -> None:
    class Request:
        """Of which it can be told when it is gone."""

    def broken(request: Request) -> Steps[bytes]:
        yield
        raise ValueError(repr(request))

    async def main(workers: Workers) -> weakref.ref[Request]:
        request = Request()
        watched = weakref.ref(request)
        with suppress(ValueError):
            await workers.finish(broken(request))
        return watched

    workers = Workers(1)
    gc.disable()
    try:
        watched = asyncio.run(main(workers))
        assert asyncio.run(workers.finish(Recorder().job("next"))) == b"next"  # the thread has let go of the job before
        assert watched() is None
    finally:
        gc.enable()
        workers.close()


def test_an_asker_who_has_gone_hurts_nobody() -> None:
    async def main(workers: Workers) -> bytes:
        gate, begun = threading.Event(), threading.Event()
        gone = asyncio.ensure_future(workers.finish(gated(gate, begun)))
        await asyncio.to_thread(begun.wait, 10)
        gone.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await gone
        return await workers.finish(Recorder().job("next"))

    workers = Workers(1)
    assert asyncio.run(main(workers)) == b"next"
    workers.close()


def test_threads_end_when_what_waits_is_done() -> None:
    workers = Workers(2)
    assert asyncio.run(workers.finish(Recorder().job("last"))) == b"last"
    workers.close()
    for thread in workers._threads:  # the class hands its threads to nobody
        thread.join(10)
        assert not thread.is_alive()
