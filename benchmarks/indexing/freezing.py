"""What freezing a dataset takes: seconds, and bytes of memory per example at the peak, in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from chalicelib.domain.example import Example
from chalicelib.service.freezing import freeze
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.training import TaskSettings


class _Store:
    data_bucket = "data"

    def __init__(self, count: int) -> None:
        self._count = count

    def read_all(self, *_: str) -> Iterator[Example]:
        """As the adapter does: each record is made when it is asked for."""
        for n in range(self._count):
            path = f"label_{n * 10 // self._count}/2026/a picture of something {n:09d}.jpg"
            yield Example(path, ExampleStatus.LABELLED, "", f"{n:032x}", 100_000 + n, path.split("/")[0])


class _Artifacts:
    def __init__(self) -> None:
        self.size_bytes = 0

    def read(self, _: str) -> bytes | None:
        return None

    def write(self, _: str, body: bytes) -> None:
        self.size_bytes += len(body)

    def upload(self, _: str, file: BinaryIO) -> None:
        while part := file.read(1 << 20):
            self.size_bytes += len(part)


def _freeze(count: int, pipe: Any) -> None:
    before, began, artifacts = _bytes("VmRSS"), time.perf_counter(), _Artifacts()
    store: Any = _Store(count)
    kept: Any = artifacts
    freeze(store, kept, project="p", dataset="d", settings=TaskSettings(), scenario="image_classification", now="2026-01-01T00:00:00.000Z")
    pipe.send((time.perf_counter() - began, _bytes("VmHWM") - before, artifacts.size_bytes))


def _bytes(name: str) -> int:
    """VmRSS: memory now; VmHWM: its peak in this process."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def measure_freeze(count: int) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_freeze, args=(count, theirs))
    child.start()
    seconds, memory, written = ours.recv()
    child.join()
    print(
        f"\nFreeze of {count:,} examples (without the store's reads): {seconds:.1f} s; per example {memory / count:.0f} bytes of memory "
        f"at the peak and {written / count:.0f} bytes written."
    )
