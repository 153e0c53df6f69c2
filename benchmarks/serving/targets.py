"""What the run is held against, printed at its end: met or missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OF_FLOOR, OF_LITSERVE, INT8_GAIN, TAIL, FIRST_ANSWER_S, POINT = 0.92, 1.25, 1.9, 3.0, 2.0, 0.01
OURS, OURS_INT8 = "droplearn", "droplearn, int8"
LITSERVE, LITSERVE_INT8, LITSERVE_PILLOW = "LitServe", "LitServe, int8", "LitServe, decoding with Pillow"


@dataclass(frozen=True)
class Rates:
    """Of one workload: requests per second at 16 callers by contender, the floor, and p50, p99 of ours at 64."""

    at_16: Mapping[str, float]
    floor: float
    p50_at_64_ms: float | None = None
    p99_at_64_ms: float | None = None


def judge(name: str, rates: Rates) -> list[str]:
    """A line for each target that this run can tell."""
    lines = []
    ours = rates.at_16.get(OURS)
    if ours is None:
        return lines
    lines.append(_line(name, f"of the CPU floor at c16, at least {OF_FLOOR}", ours / rates.floor, ours / rates.floor >= OF_FLOOR))
    for who, peer in ((OURS, LITSERVE), (OURS, LITSERVE_PILLOW), (OURS_INT8, LITSERVE_INT8)):
        if who in rates.at_16 and peer in rates.at_16:
            ratio = rates.at_16[who] / rates.at_16[peer]
            lines.append(_line(name, f"of {peer} at c16, at least {OF_LITSERVE}", ratio, ratio >= OF_LITSERVE))
    if OURS_INT8 in rates.at_16:
        gain = rates.at_16[OURS_INT8] / ours
        lines.append(_line(name, f"int8 of fp32 at c16, at least {INT8_GAIN}", gain, gain >= INT8_GAIN))
    if rates.p50_at_64_ms and rates.p99_at_64_ms:
        tail = rates.p99_at_64_ms / rates.p50_at_64_ms
        lines.append(_line(name, f"p99 of p50 at c64, at most {TAIL:g}", tail, tail <= TAIL))
    return lines


def judge_start(first_answer_s: float) -> str:
    return _line("", f"start to first answer in s, under {FIRST_ANSWER_S:g}", first_answer_s, first_answer_s < FIRST_ANSWER_S)


def judge_accuracy(name: str, metric: str, fall: float) -> str:
    return _line(name, f"{metric} falls by at most {POINT:g} in int8", fall, fall <= POINT)


def _line(name: str, what: str, value: float, is_met: bool) -> str:
    return f"  {'met   ' if is_met else 'MISSED'} {name:16s} {what:66s} {value:8.3f}"
