"""Which items will a user want next? See README.md for layout, tables, limits and measured results."""

from __future__ import annotations

from droplearn.scenarios.recommendation.columns import check_columns
from droplearn.scenarios.recommendation.dataset import check, recognise
from droplearn.scenarios.recommendation.spec import SPEC
from droplearn.scenarios.scenario import Scenario

RECOMMENDATION = Scenario(
    spec=SPEC,
    recognise=recognise,
    check=check,
    check_columns=check_columns,
    training="droplearn.scenarios.recommendation.training",
    evaluation="droplearn.scenarios.recommendation.evaluation",
    serving="droplearn.scenarios.recommendation.serving",
)
