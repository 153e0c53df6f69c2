"""How long a task waits for an instance, and when it gives up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CapacityPolicy:
    """Seconds."""

    first_wait_s: int = 60
    longest_wait_s: int = 900
    give_up_s: int = 24 * 3600

    def wait_s(self, attempt: int, chance: float) -> int:
        """After the `attempt`-th refusal (1, 2, ...): doubles up to a limit; `chance` in [0, 1) spreads it over the upper half, so that
        tasks refused together do not come back together. Source: AWS Builders' Library, "Timeouts, retries, and backoff with jitter".
        """
        longest = min(self.longest_wait_s, self.first_wait_s * 2 ** min(attempt - 1, 20))
        return max(1, round(longest * (0.5 + chance / 2)))

    def is_over(self, waited_s: float) -> bool:
        """Whether the task has waited long enough."""
        return waited_s >= self.give_up_s
