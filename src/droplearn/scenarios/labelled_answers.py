"""From the probabilities of a single-label classifier to the `body` of an answer (V-3), whatever the input was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidRequest
from droplearn.scenarios.answering import Tensor, is_probability

DEFAULT_TOP = 5
CONF_DIGITS = 6


class LabelAnswers:
    """Of one model; `labels` in the order of its outputs."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)

    def answer(self, output: Tensor, options: Mapping[str, str]) -> list[dict[str, Any]]:
        """The `top` (default 5) most confident labels, best first; equals in label order. Raises InvalidRequest, ValueError."""
        probabilities = output.reshape(-1)
        if len(probabilities) != len(self._labels) or not is_probability(probabilities):
            raise ValueError(f"The network gave {probabilities.shape} values that are no probabilities of {len(self._labels)} labels.")
        best = _best(probabilities, top_of(options))
        confidences = probabilities[best].astype(float).clip(0, 1).tolist()
        return [{"label": self._labels[k], "conf": round(c, CONF_DIGITS)} for k, c in zip(best.tolist(), confidences, strict=True)]


def _best(probabilities: Tensor, count: int) -> Tensor:
    """Their places, best first, equals in order. Only those that can be among them are sorted: labels may be thousands."""
    if count >= len(probabilities):
        return np.argsort(-probabilities, kind="stable")
    least = np.partition(probabilities, -count)[-count]
    able = np.flatnonzero(probabilities >= least)
    return able[np.argsort(-probabilities[able], kind="stable")[:count]]


def top_of(options: Mapping[str, str]) -> int:
    """`?top=N`, N of at least 1; more than there are labels means all. Raises InvalidRequest."""
    text = options.get("top", "")
    if not text:
        return DEFAULT_TOP
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) >= 1):
        raise InvalidRequest("request.invalid", f"top must be a whole number of at least 1, not {text[:20]!r}.", hint="Use ?top=5.")
    return int(text)
