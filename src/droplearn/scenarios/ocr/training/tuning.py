"""Fine-tunes the recogniser on lines (CTC loss), within a time, the best state by validation kept. torch is imported here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from droplearn.scenarios.ocr.conventions import line_key
from droplearn.scenarios.ocr.measures import edits
from droplearn.scenarios.ocr.reading.recogniser import LINE_HEIGHT, Recogniser, line_tensor, stack
from droplearn.scenarios.ocr.training.alphabet import find_head, needed_characters, with_characters
from droplearn.scenarios.ocr.training.augmenting import augment
from droplearn.scenarios.ocr.training.onnx_network import OnnxNetwork, write_arrays
from droplearn.scenarios.pictures import Pixels

LEARNING_RATE, BATCH_SIZE = 4e-4, 16
_WARMUP_STEPS = 20
_CLIP = 5.0
_MAX_BATCH_COLUMNS = 12_000
"""Bounds the memory of long lines."""
_PAUSE_S = 20.0
"""Between two looks at the validation lines; where the number of epochs was given, an epoch."""
_PATIENCE = 5
"""Looks at the validation lines without a gain until training ends."""
_LOOK_SHARE = 0.15
"""Of the time that looking at the validation lines may take."""

Sample = tuple[Pixels, str]


@dataclass(frozen=True)
class LineScore:
    """On lines cut out at known places."""

    line_accuracy: float
    character_error_rate: float

    @property
    def key(self) -> tuple[float, float]:
        """The higher, the better."""
        return self.line_accuracy, -self.character_error_rate


@dataclass(frozen=True)
class TuningPlan:
    """`seconds`: all that tuning may take. `epochs`: at most these, None as many as fit."""

    seconds: float
    seed: int
    is_case_sensitive: bool
    is_handwriting: bool
    epochs: int | None = None
    learning_rate: float = LEARNING_RATE
    batch_size: int = BATCH_SIZE


@dataclass(frozen=True)
class Tuned:
    """The best state. `network`: ONNX bytes."""

    network: bytes
    score: LineScore
    epochs: float
    lines_per_second: float


Report = Callable[[float, float, LineScore], None]
"""Called after each look: epochs so far, mean loss since the last look, score."""


def score_lines(recogniser: Recogniser, samples: Sequence[Sample], is_case_sensitive: bool) -> LineScore:
    """Of the recogniser, as `measures` counts."""
    read = recogniser.read([line for line, _ in samples])
    pairs = [
        (line_key(text, is_case_sensitive), line_key(found.text, is_case_sensitive)) for (_, text), found in zip(samples, read, strict=True)
    ]
    wrong = sum(edits(truth, found) for truth, found in pairs)
    return LineScore(sum(t == f for t, f in pairs) / max(1, len(pairs)), wrong / max(1, sum(len(t) for t, _ in pairs)))


def tune(
    network: bytes,
    samples: Sequence[Sample],
    rehearsal: Sequence[Sample],
    validation: Sequence[Sample],
    plan: TuningPlan,
    check: Callable[[], None],
    report: Report,
) -> Tuned | None:
    """None where there was no time for a single look. `check` may raise."""
    state = _Tuning(network, samples, rehearsal, plan)
    begun, looked, since_best = monotonic(), 0.0, 0
    best: Tuned | None = None
    while since_best < _PATIENCE and not state.is_over(monotonic() - begun):
        pause, target = max(_PAUSE_S, looked / _LOOK_SHARE), math.floor(state.epochs) + 1
        until = monotonic() + pause
        while not state.is_over(monotonic() - begun) and (state.epochs < target if plan.epochs else monotonic() < until):
            check()
            state.step(monotonic() - begun)
        started = monotonic()
        exported = state.export()
        score = score_lines(Recogniser(exported), validation, plan.is_case_sensitive)
        looked = monotonic() - started
        report(state.epochs, state.take_loss(), score)
        since_best += 1
        if best is None or score.key > best.score.key:
            best, since_best = Tuned(exported, score, state.epochs, state.seen / (monotonic() - begun)), 0
    return best


class _Tuning:
    """Network, optimiser and the order of lines. One step: a batch of lines of like width."""

    def __init__(self, network: bytes, samples: Sequence[Sample], rehearsal: Sequence[Sample], plan: TuningPlan) -> None:
        torch.manual_seed(plan.seed)
        known = Recogniser(network).characters
        self._samples, self._rehearsal, self._plan = [*samples, *rehearsal], len(rehearsal), plan
        self._model = with_characters(network, needed_characters((t for _, t in self._samples), known))
        head = find_head(self._model)
        self._network = OnnxNetwork(self._model, head.logits)
        characters = next(p.value for p in self._model.metadata_props if p.key == "character").split("\n")
        self._place = {c: i for i, c in enumerate(["", *characters, " "]) if c}
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network.to(self._device)
        self._optimiser = torch.optim.AdamW(self._network.parameters(), lr=plan.learning_rate, weight_decay=0.0)
        self._rng = np.random.default_rng(plan.seed)
        self._queue: list[list[int]] = []
        self._losses: list[float] = []
        self.steps, self.seen = 0, 0

    @property
    def epochs(self) -> float:
        """Times that every line was seen, rehearsal lines included."""
        return self.seen / len(self._samples)

    def is_over(self, elapsed_s: float) -> bool:
        """Whether the time, or the number of epochs, is reached."""
        return elapsed_s >= self._plan.seconds or (self._plan.epochs is not None and self.epochs >= self._plan.epochs)

    def step(self, elapsed_s: float) -> None:
        """One batch. The rate falls with the epochs where their number was given (the same on any machine), else with the time."""
        progress = self.epochs / self._plan.epochs if self._plan.epochs else elapsed_s / self._plan.seconds
        if not self._queue:
            self._queue = self._batches()
        chosen = [self._samples[i] for i in self._queue.pop()]
        rate = self._plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))) * min(1.0, (self.steps + 1) / _WARMUP_STEPS)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        lines = [augment(line, self._rng, is_handwriting=self._plan.is_handwriting) for line, _ in chosen]
        loss = self._loss(lines, [text for _, text in chosen])
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), _CLIP)
        self._optimiser.step()
        self._losses.append(float(loss.detach()))
        self.steps += 1
        self.seen += len(chosen)

    def take_loss(self) -> float:
        """The mean since it was last asked for."""
        losses, self._losses = self._losses, []
        return float(np.mean(losses)) if losses else 0.0

    def export(self) -> bytes:
        """The network as it is now."""
        write_arrays(self._model, self._network.arrays())
        written: bytes = self._model.SerializeToString()
        return written

    def _loss(self, lines: Sequence[Pixels], texts: Sequence[str]) -> Any:
        tensors = [line_tensor(line) for line in lines]
        logits = self._network(torch.from_numpy(stack(tensors)).to(self._device))
        targets = [[self._place[c] for c in text if c in self._place] for text in texts]
        lengths = torch.full((len(lines),), logits.shape[1])
        flat = torch.tensor([place for target in targets for place in target])
        return functional.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1), flat, lengths, torch.tensor([len(t) for t in targets]), zero_infinity=True
        )

    def _batches(self) -> list[list[int]]:
        """All lines once, those of like width together, in random order."""
        widths = np.array([line.shape[1] / line.shape[0] for line, _ in self._samples])
        order = np.argsort(widths + self._rng.uniform(0, 1.5, len(widths)), kind="stable").tolist()
        found: list[list[int]] = []
        for i in order:
            columns = LINE_HEIGHT * max(1.0, float(widths[i]))
            size = max(1, min(self._plan.batch_size, int(_MAX_BATCH_COLUMNS / columns)))
            if found and len(found[-1]) < size:
                found[-1].append(i)
            else:
                found.append([i])
        return [found[i] for i in self._rng.permutation(len(found))]
