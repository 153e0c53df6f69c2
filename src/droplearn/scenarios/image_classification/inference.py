"""Runs a graph of image classification over many pictures, with all cores, in bounded memory. Evaluator and trainer use it; the server
has its own pool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from droplearn.scenarios.image_classification.pixels import Resample, prepare
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.onnx_session import open_session
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.pictures import Pixels, UndecodableImage

CHUNK = 8
"""Pictures a worker decodes and runs at once: large enough for the kernels, small enough to stop within a second."""


class Graph:
    """An ONNX graph `image` -> one output, computed in the calling thread; threads may share it. `size`: side of its input in pixels."""

    def __init__(self, model: bytes | Path) -> None:
        self._session = open_session(model)
        self.size: int = self._session.get_inputs()[0].shape[1]
        self.width: int = self._session.get_outputs()[0].shape[1]

    def run(self, pixels: Pixels) -> Floats:
        """(B, S, S, 3) uint8 to (B, D) float32."""
        output: Floats = self._session.run(None, {"image": pixels})[0]
        return output


def predict_all(
    model: Path, paths: Sequence[str], read: Callable[[str], bytes], progress: Callable[[int, int], None], resample: Resample
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
                pixels.append(prepare(read(paths[i]), graph.size, resample=resample).pixels)
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
