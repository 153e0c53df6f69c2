"""How long a task waits for an instance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.capacity import CapacityPolicy


@given(attempt=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_longer_than_the_limit_and_never_nothing(attempt: int, chance: float):
    assert 1 <= CapacityPolicy().wait_s(attempt, chance) <= 900


@given(attempt=st.integers(1, 4), chance=st.floats(0, 1, exclude_max=True))
def test_waits_double(attempt: int, chance: float):
    policy = CapacityPolicy(first_wait_s=60, longest_wait_s=100_000)
    assert abs(policy.wait_s(attempt + 1, chance) - 2 * policy.wait_s(attempt, chance)) <= 1


def test_it_gives_up_after_a_day():
    assert not CapacityPolicy().is_over(86_399)
    assert CapacityPolicy().is_over(86_400)
