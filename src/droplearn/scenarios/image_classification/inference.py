"""Runs a graph of image classification over many pictures, with all cores, in bounded memory. Evaluator and trainer use it; the server
has its own pool.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from droplearn.scenarios.image_classification.pixels import prepare
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.pictures import Pixels, UndecodableImage

CHUNK = 8
"""Pictures a worker decodes and runs at once: large enough for the kernels, small enough to stop within a second."""
_LOOK_EVERY_S = 0.5

T = TypeVar("T")
R = TypeVar("R")


class Graph:
    """An ONNX graph `image` -> one output, computed in the calling thread; threads may share it. `size`: side of its input in pixels."""

    def __init__(self, model: bytes | Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        have = onnxruntime.get_available_providers()
        providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in have]
        self._session: Any = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=providers)
        self.size: int = self._session.get_inputs()[0].shape[1]
        self.width: int = self._session.get_outputs()[0].shape[1]

    def run(self, pixels: Pixels) -> Floats:
        """(B, S, S, 3) uint8 to (B, D) float32."""
        output: Floats = self._session.run(None, {"image": pixels})[0]
        return output


def in_threads(work: Callable[[T], R], items: Sequence[T], check: Callable[[], None]) -> Iterator[R]:
    """Results as they come. Few are under way at once: a stop (an exception of `check`) is quick, and memory is bounded."""
    workers = os.cpu_count() or 1
    waiting, running = iter(items), set[Future[R]]()
    with ThreadPoolExecutor(workers, "inference") as pool:
        while True:
            check()
            running.update(pool.submit(work, item) for item in islice(waiting, 2 * workers - len(running)))
            if not running:
                return
            finished, running = wait(running, _LOOK_EVERY_S, FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def predict_all(
    model: Path, paths: Sequence[str], read: Callable[[str], bytes], progress: Callable[[int, int], None]
) -> tuple[Floats, dict[int, str]]:
    """Output rows (N, K), and index -> reason for each picture that could not be read (its row is 0)."""
    graph = Graph(model)
    rows = np.zeros((len(paths), graph.width), np.float32)
    problems: dict[int, str] = {}

    def work(indices: range) -> tuple[list[int], Floats, dict[int, str]]:
        good, pixels = [], []
        bad: dict[int, str] = {}
        for i in indices:
            try:
                pixels.append(prepare(read(paths[i]), graph.size).pixels)
                good.append(i)
            except UndecodableImage as error:
                bad[i] = error.code
            except OSError:
                bad[i] = "missing"
        output: Floats = graph.run(np.stack(pixels)) if pixels else rows[:0]
        return good, output, bad

    chunks = [range(i, min(i + CHUNK, len(paths))) for i in range(0, len(paths), CHUNK)]
    done = 0
    for good, output, bad in in_threads(work, chunks, lambda: None):
        rows[good] = output
        problems |= bad
        done += len(good) + len(bad)
        progress(done, len(paths))
    return rows, problems
