"""Makes the variants of a network and decides about each. Each try is measured with the scenario's own evaluation before it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from droplearn.contracts.optimisation import Measured, OptimisationProtocol, VariantName, VariantReport
from droplearn.networks.quantisation_choice import first_and_last
from droplearn.networks.quantisation_noise import nodes_by_harm
from droplearn.networks.quantising import read, to_fp16, to_int8
from droplearn.networks.samples import Sample, spread
from droplearn.networks.settled_norms import Unfinished, settle_norms

NOISE_SAMPLES = 4
FEW_IN_TOLERANCE = 10
"""Examples: when so many make up the tolerance, chance (about the root of the answers that change, either way) is small beside it."""
FLOAT_SHARES = (0.1, 0.3)
"""Of the quantisable nodes, the most harmed first, that stay in float32 when all in int8 falls too far."""
FIT_SHARE = 0.5
"""Of the time that is left, for fitting the layers in front of normalisation: the rest is for making int8 from it, or without it."""


class OutOfTime(Exception):
    """The stage's own time is nearly over."""


class Bench(Protocol):
    """Where networks are measured."""

    def metric(self, network: Path) -> float:
        """The scenario's primary metric with this network. Raises OutOfTime."""
        ...

    def spare_s(self) -> float:
        """What is left of the stage's time beside one more `metric`; negative: it would not end in time."""
        ...

    def measured(self, network: Path, metric: float) -> Measured:
        """With size and latency."""
        ...

    def largest_difference(self, network: Path) -> float:
        """Of any output number to the model's own."""
        ...

    def is_better(self, metric: float, other: float) -> bool:
        """By the metric's direction."""
        ...


@dataclass(frozen=True)
class Gate:
    """What a variant is held against."""

    metric: str
    baseline: Measured
    tolerance: float
    is_higher_better: bool

    def fall(self, metric: float) -> float:
        """How much worse; negative: better."""
        return round((self.baseline.metric - metric) * (1 if self.is_higher_better else -1), 6)

    def passes(self, metric: float) -> bool:
        """A hair's breadth of rounding is no fall."""
        return self.fall(metric) <= self.tolerance + 1e-9


def doubts(example_count: int, tolerance: float, protocol: OptimisationProtocol) -> list[str]:
    """What whoever reads the falls should know: a fall is a difference of few answers, and each try is measured on the same ones."""
    measured = f"Measured on {example_count} examples:"
    told = []
    if example_count * tolerance < 1:
        told.append(f"{measured} too few to see a fall as small as the tolerance.")
    elif example_count * tolerance < FEW_IN_TOLERANCE:
        told.append(f"{measured} one of them is {100 / example_count:.2f} points, so a fall near the tolerance is partly chance.")
    if protocol == "training_examples":
        told.append("The model learnt from the examples that it was measured on: on new ones the fall may be another.")
    return told


@dataclass(frozen=True)
class Try:
    """One network that was made: where it lies, which nodes stayed in float32, and its metric."""

    network: Path
    float_nodes: Sequence[str]
    metric: float


def make_variant(
    name: VariantName, network: Path, scratch: Path, samples: Sequence[Sample], bench: Bench, gate: Gate
) -> tuple[VariantReport, Path | None]:
    """The report, and the file of the network where there is one."""
    left_out: list[str] = []
    makers: dict[VariantName, Callable[[], Iterator[tuple[Path, Sequence[str]]]]] = {
        "int8": lambda: _int8_tries(read(network), scratch, samples, bench, left_out),
        "fp16": lambda: _fp16_try(read(network), scratch),
    }
    best: Try | None = None
    is_over = False
    try:
        for made, float_nodes in makers[name]():
            found = Try(made, float_nodes, bench.metric(made))
            best = found if best is None or bench.is_better(found.metric, best.metric) else best
            if gate.passes(found.metric):
                break
    except OutOfTime:
        is_over = True
    if best is None:
        told = " ".join(["The time was over before it could be measured.", *left_out])
        return VariantReport(name=name, is_published=False, reason=told), None
    report = _report(name, best, bench, gate, is_over)
    return report.model_copy(update={"reason": " ".join([report.reason, *left_out])}), best.network


def _int8_tries(
    model: Any, scratch: Path, samples: Sequence[Sample], bench: Bench, left_out: list[str]
) -> Iterator[tuple[Path, Sequence[str]]]:
    """All in int8, first without group normalisation where there is some and time for it, then first and last layers in float32, then
    ever more of the nodes that are harmed most.
    """
    if (settled := _settled(model, samples, bench, left_out)) is not None:
        made = scratch / "int8.settled.onnx"
        to_int8(settled, made, samples, ())
        yield made, ()
    _check(bench)
    whole = scratch / "int8.0.onnx"
    to_int8(model, whole, samples, ())
    yield whole, ()
    _check(bench)
    kept = first_and_last(model)
    harmed = [n for n in nodes_by_harm(model, whole, spread(samples, NOISE_SAMPLES)) if n not in kept]
    for number, share in enumerate((0.0, *FLOAT_SHARES), 1):
        _check(bench)
        in_float = kept + harmed[: round(share * len(harmed))]
        made = scratch / f"int8.{number}.onnx"
        to_int8(model, made, samples, in_float)
        yield made, in_float


def _settled(model: Any, samples: Sequence[Sample], bench: Bench, left_out: list[str]) -> Any | None:
    """None: there is no normalisation to fit for, or no time, which `left_out` says."""
    ends_at = time.monotonic() + FIT_SHARE * bench.spare_s()
    try:
        return settle_norms(model, samples, lambda: time.monotonic() > ends_at)
    except Unfinished:
        left_out.append("Its group normalisation stayed in float32: there was no time to fit it (optimise.max_runtime_s).")
        return None


def _check(bench: Bench) -> None:
    """Nothing is made that could not be measured any more."""
    if bench.spare_s() < 0:
        raise OutOfTime


def _fp16_try(model: Any, scratch: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    made = scratch / "fp16.onnx"
    to_fp16(model, made)
    yield made, ()


def _report(name: VariantName, best: Try, bench: Bench, gate: Gate, is_over: bool) -> VariantReport:
    measured, fall = bench.measured(best.network, best.metric), gate.fall(best.metric)
    is_published = gate.passes(best.metric)
    moved = f"{gate.metric} {'falls' if fall > 0 else 'rises'} by {100 * abs(fall):.2f} points" if fall else f"{gate.metric} stays the same"
    told = f"{moved}; {gate.baseline.size_bytes / measured.size_bytes:.1f} times smaller, {_speed(name, gate.baseline, measured)}."
    if not is_published:
        told = f"Kept aside: {moved}, more than the tolerance of {100 * gate.tolerance:g}."
        told += " The time was over before everything was tried." if is_over else ""
    return VariantReport(
        name=name,
        is_published=is_published,
        reason=told,
        measured=measured,
        fall=fall,
        largest_difference=round(bench.largest_difference(best.network), 6),
        float_nodes=len(best.float_nodes),
    )


def _speed(name: VariantName, baseline: Measured, measured: Measured) -> str:
    ratio = baseline.latency_ms / measured.latency_ms
    if ratio >= 1:
        return f"{ratio:.1f} times faster on this CPU"
    return f"{1 / ratio:.1f} times slower on this CPU" + (" (it is for GPUs)" if name == "fp16" else "")
