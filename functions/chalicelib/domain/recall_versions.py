"""What a version of a service of tables is: rows with names of their own, written once, among them the plan that reads them. Nothing is
shared between versions, so an answer is of one of them. Which one is not drawn but follows from the user. Pure, and on the hot path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import sha256

from chalicelib.domain.service_version import model_name, number_of

_STEPS = 1 << 53
"""So many different floats lie evenly between 0 and 1."""


def tables_of(service_id: str, version: str) -> str:
    """What its rows' keys begin with: of the first version the service's id."""
    return model_name(service_id, number_of(version))


def version_for(user: str, service_id: str, weights: Mapping[str, float]) -> str:
    """The same for the same user; when weights change, no more users change their version than must.

    Source: Schindelhauer, Schomaker, "Weighted Distributed Hash Tables", the logarithmic method (weighted rendezvous hashing).
    """
    return min(
        (name for name, weight in weights.items() if weight > 0), key=lambda name: _distance(f"{service_id}#{name}#{user}", weights[name])
    )


def _distance(text: str, weight: float) -> float:
    """Exponentially distributed with this rate: it is the least with a probability in proportion to the weight."""
    place = (int.from_bytes(sha256(text.encode()).digest()[:8], "big") % _STEPS + 0.5) / _STEPS
    return -math.log(place) / weight
