"""A toy: texts are told apart by their length alone."""

from __future__ import annotations

from droplearn.scenarios.labelled_folders import LabelledFolders
from droplearn.scenarios.scenario import Limits, PresetSpec, Scenario, ScenarioSpec

SPEC = ScenarioSpec(
    name="text_length",
    title="Text length",
    description="Is a text short or long?",
    input_kind="text",
    answer_kind="labels",
    label_format="One folder per label.",
    media_types=["text/"],
    file_extensions=[".txt"],
    primary_metric="top1_accuracy",
    is_higher_better=True,
    metrics=["top1_accuracy"],
    presets={"high_performance": PresetSpec(title="Only one", description="The nearest mean length.", network="none")},
    hyper_parameters=[],
    limits=Limits(min_labels=2, min_examples_per_label=2, recommended_examples_per_label=2, max_object_bytes=1000),
    default_training_instance="ml.m5.large",
    default_serving_instance="ml.c5.large",
)
_LAYOUT = LabelledFolders(SPEC, noun="text", nouns="texts", wrong_kind="not_a_text")
TEXT_LENGTH = Scenario(
    spec=SPEC,
    recognise=_LAYOUT.recognise,
    check=_LAYOUT.check,
    training="droplearn.scenarios.text_length.learning",
    evaluation="droplearn.scenarios.text_length.learning",
    serving="droplearn.scenarios.text_length.serving",
)
