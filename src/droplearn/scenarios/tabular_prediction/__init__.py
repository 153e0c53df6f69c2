"""One column of a table from the others. See README.md for layout, options, limits and measured results."""

from __future__ import annotations

from droplearn.scenarios.scenario import Scenario
from droplearn.scenarios.tabular_prediction.dataset import check, recognise
from droplearn.scenarios.tabular_prediction.spec import SPEC
from droplearn.scenarios.tabular_prediction.wishes import check_columns

TABULAR_PREDICTION = Scenario(
    spec=SPEC,
    recognise=recognise,
    check=check,
    check_columns=check_columns,
    training="droplearn.scenarios.tabular_prediction.training",
    evaluation="droplearn.scenarios.tabular_prediction.evaluation",
    serving="droplearn.scenarios.tabular_prediction.serving",
)
