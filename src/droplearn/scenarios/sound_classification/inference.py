"""Runs a graph of this scenario over many sounds, with all cores, in bounded memory. Evaluator and trainer use it; the server has its own
pool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.onnx_session import open_session
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.sound_classification.audio import UndecodableSound, decode
from droplearn.scenarios.sound_classification.windows import Windows, WindowShape, cut


class SoundGraph:
    """An ONNX graph: the windows of one sound -> one row. Computed in the calling thread; threads may share it."""

    def __init__(self, model: bytes | Path) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0]
        self.width: int = self._session.get_outputs()[0].shape[1]
        self.shape = WindowShape.of_samples(self._input.shape[1])

    def run(self, windows: Windows) -> Floats:
        """(W, S) to (D,)."""
        row: Floats = self._session.run(None, {self._input.name: windows})[0][0]
        return row


def predict_all(
    model: Path, paths: Sequence[str], read: Callable[[str], bytes], progress: Callable[[int, int], None]
) -> tuple[Floats, dict[int, str]]:
    """Output rows (N, K), and index -> reason for each sound that could not be read (its row is 0)."""
    graph = SoundGraph(model)
    rows = np.zeros((len(paths), graph.width), np.float32)
    problems: dict[int, str] = {}

    def work(index: int) -> tuple[int, Floats | str]:
        try:
            return index, graph.run(cut(decode(read(paths[index])).samples, graph.shape))
        except UndecodableSound as error:
            return index, error.code
        except OSError:
            return index, "missing"

    for done, (index, found) in enumerate(in_threads(work, range(len(paths)), lambda: None), start=1):
        if isinstance(found, str):
            problems[index] = found
        else:
            rows[index] = found
        progress(done, len(paths))
    return rows, problems
