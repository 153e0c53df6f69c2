"""Which version of a service of tables answers a user."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.recall_versions import tables_of, version_for

USERS = [f"u{n}" for n in range(4000)]
SHARES = st.dictionaries(st.sampled_from([f"v{n}" for n in range(1, 11)]), st.floats(0, 1), min_size=1).filter(
    lambda w: sum(w.values()) > 0
)


def chosen(**weights: float) -> dict[str, str]:
    return {user: version_for(user, "service-a", weights) for user in USERS}


@pytest.mark.parametrize("weights", [{"v1": 0.9, "v2": 0.1}, {"v1": 1, "v2": 1, "v7": 2}, {"v3": 5.0}])
def test_users_are_shared_out_in_proportion(weights: dict[str, float]):
    counts = Counter(chosen(**weights).values())
    total = sum(weights.values())
    assert {name: counts[name] / len(USERS) for name in weights} == pytest.approx({n: w / total for n, w in weights.items()}, abs=0.03)


def test_more_traffic_for_a_version_moves_users_to_it_and_nobody_else():
    before, after = chosen(v1=0.6, v2=0.3, v3=0.1), chosen(v1=0.4, v2=0.2, v3=0.4)
    assert {after[user] for user in USERS if before[user] != after[user]} == {"v3"}


def test_a_version_that_goes_leaves_the_other_users_with_theirs():
    before, after = chosen(v1=0.5, v2=0.3, v3=0.2), chosen(v1=0.5, v2=0.3)
    assert all(before[user] in (after[user], "v3") for user in USERS)


def test_another_service_shares_out_anew():
    here, there = chosen(v1=1, v2=1), {user: version_for(user, "service-b", {"v1": 1, "v2": 1}) for user in USERS}
    assert 0.4 < sum(here[user] == there[user] for user in USERS) / len(USERS) < 0.6


@given(st.text(max_size=20), SHARES)
def test_a_version_without_traffic_answers_nobody_and_a_user_is_told_the_same_again(user: str, weights: dict[str, float]):
    version = version_for(user, "s", weights)
    assert weights[version] > 0
    assert version == version_for(user, "s", dict(reversed(weights.items())))


def test_the_first_versions_rows_are_named_after_the_service_as_they_always_were():
    assert [tables_of("service-a", name) for name in ("v1", "v2", "v12")] == ["service-a", "service-a-v2", "service-a-v12"]
