"""What a text line says: PP-OCR's recogniser (a CTC network) on cut-out lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.ocr.reading.sessions import open_session
from droplearn.scenarios.pictures import Pixels

LINE_HEIGHT = 48
NARROWEST, WIDEST = 16, 3200
"""Columns of a line at LINE_HEIGHT rows."""
_MAX_BATCH, _MAX_BATCH_COLUMNS = 8, 6400
_NARROWEST_BATCH, _WIDEST_TO_NARROWEST = 160, 1.5
"""Measured on 609 lines of receipts: 20 ms a line instead of 30 with rapidocr's 320 columns, .9179 instead of .9195 right."""
BLANK = 0


class Text(NamedTuple):
    """`confidence`: the mean over its characters, 0 where there is none."""

    text: str
    confidence: float


class Recogniser:
    """`read` is called by several threads at once. `characters`: the meaning of each output; the first is CTC's blank."""

    def __init__(self, network: bytes | Path) -> None:
        self._session = open_session(network)
        self._input: str = self._session.get_inputs()[0].name
        self.characters = characters_of(self._session.get_modelmeta().custom_metadata_map["character"])

    def read(self, lines: Sequence[Pixels]) -> list[Text]:
        """One text a line, in order. Lines of like length run together."""
        tensors = [line_tensor(line) for line in lines]
        texts = [Text("", 0.0)] * len(lines)
        for batch in batches([t.shape[2] for t in tensors]):
            probabilities = self._session.run(None, {self._input: stack([tensors[i] for i in batch])})[0]
            for place, index in enumerate(batch):
                texts[index] = self.decode(probabilities[place])
        return texts

    def decode(self, probabilities: NDArray[np.float32]) -> Text:
        """probabilities: (T, characters). Repeats and blanks fall away."""
        best = probabilities.argmax(axis=1)
        kept = (best != BLANK) & np.concatenate([[True], best[1:] != best[:-1]])
        if not kept.any():
            return Text("", 0.0)
        sure = probabilities[np.arange(len(best)), best][kept]
        return Text("".join(self.characters[i] for i in best[kept]), float(sure.mean()))


def characters_of(listed: str) -> list[str]:
    """From the network's metadata: one character a line; CTC's blank comes before them, the space after."""
    return ["", *listed.split("\n")[: -1 if listed.endswith("\n") else None], " "]


def line_tensor(line: Pixels) -> NDArray[np.float32]:
    """RGB pixels to (3, 48, W) in [-1, 1], BGR, the aspect kept."""
    height, width = line.shape[:2]
    columns = int(np.clip(np.ceil(LINE_HEIGHT * width / height), NARROWEST, WIDEST))
    resized = cv2.resize(line, (columns, LINE_HEIGHT), interpolation=cv2.INTER_LINEAR)
    tensor: NDArray[np.float32] = resized[:, :, ::-1].astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
    return tensor


def stack(tensors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """(B, 3, 48, W): the narrower ones are filled up with grey, as the network learnt it."""
    widest = max(_NARROWEST_BATCH, max(t.shape[2] for t in tensors))
    batch = np.zeros((len(tensors), 3, LINE_HEIGHT, widest), np.float32)
    for row, tensor in zip(batch, tensors, strict=True):
        row[:, :, : tensor.shape[2]] = tensor
    return batch


def batches(widths: Sequence[int]) -> list[list[int]]:
    """Indices, narrow lines first; lines of a batch are of like width, and its memory is bounded."""
    found: list[list[int]] = []
    for index in np.argsort(widths, kind="stable").tolist():
        width = max(_NARROWEST_BATCH, widths[index])
        if (
            found
            and len(found[-1]) < min(_MAX_BATCH, _MAX_BATCH_COLUMNS // width)
            and width <= _WIDEST_TO_NARROWEST * max(_NARROWEST_BATCH, widths[found[-1][0]])
        ):
            found[-1].append(index)
        else:
            found.append([index])
    return found
