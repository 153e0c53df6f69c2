"""Are two models different, or is it chance? Pure."""

from __future__ import annotations

from math import comb

SIGNIFICANT = 0.05
_EXACT_UP_TO = 1000


def mcnemar(only_first_wrong: int, only_second_wrong: int) -> float:
    """Two-sided p-value of the exact McNemar test: would a coin decide so one-sidedly which of the two is wrong?

    Source: McNemar 1947; exact form: Edwards 1948. Above 1,000 disagreements the normal approximation with continuity correction.
    """
    count, fewer = only_first_wrong + only_second_wrong, min(only_first_wrong, only_second_wrong)
    if count == 0:
        return 1.0
    if count <= _EXACT_UP_TO:
        return min(1.0, 2 * sum(comb(count, k) for k in range(fewer + 1)) / 2**count)
    from math import erfc, sqrt

    z = max(0.0, abs(only_first_wrong - only_second_wrong) - 1) / sqrt(count)
    return min(1.0, erfc(z / sqrt(2)))
