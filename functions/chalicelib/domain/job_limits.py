"""How long SageMaker lets the jobs of tasks and evaluations run, whatever they do: what is planned, and what a budget counts with."""

from __future__ import annotations

GRACE_S = 600
"""A training's, or an optimisation's, own limit lies so far behind the program's: downloading comes before, writing after."""
EVALUATION_RUNTIME_S = 3600
