"""One label per sound. See README.md for layout, limits and measured results."""

from __future__ import annotations

from droplearn.scenarios.scenario import Scenario
from droplearn.scenarios.sound_classification.dataset import LAYOUT
from droplearn.scenarios.sound_classification.spec import SPEC

SOUND_CLASSIFICATION = Scenario(
    spec=SPEC,
    recognise=LAYOUT.recognise,
    check=LAYOUT.check,
    training="droplearn.scenarios.sound_classification.training",
    evaluation="droplearn.scenarios.sound_classification.evaluation",
    serving="droplearn.scenarios.sound_classification.serving",
    standalone="droplearn.scenarios.sound_classification.standalone",
)
