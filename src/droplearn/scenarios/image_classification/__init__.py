"""One label per picture. See README.md for layout, limits and measured results."""

from __future__ import annotations

from droplearn.scenarios.image_classification.dataset import LAYOUT
from droplearn.scenarios.image_classification.spec import SPEC
from droplearn.scenarios.scenario import Scenario

IMAGE_CLASSIFICATION = Scenario(
    spec=SPEC,
    recognise=LAYOUT.recognise,
    check=LAYOUT.check,
    training="droplearn.scenarios.image_classification.training",
    evaluation="droplearn.scenarios.image_classification.evaluation",
    serving="droplearn.scenarios.image_classification.serving",
    standalone="droplearn.scenarios.image_classification.standalone",
)
