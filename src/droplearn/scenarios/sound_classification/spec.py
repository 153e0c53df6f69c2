"""Sound classification as data."""

from __future__ import annotations

from droplearn.scenarios.choices import batch_size, epochs, learning_rate, warmup_epochs
from droplearn.scenarios.label_metrics import LABEL_METRICS
from droplearn.scenarios.presets import high_accuracy, high_performance
from droplearn.scenarios.scenario import Limits, ScenarioSpec

SPEC = ScenarioSpec(
    name="sound_classification",
    title="Sound classification",
    description="Which one of several labels does a sound belong to?",
    input_kind="audio",
    answer_kind="labels",
    label_format="One folder per label; unlabelled sounds at the dataset's root.",
    media_types=["audio/"],
    file_extensions=[".wav", ".flac", ".ogg", ".mp3"],
    primary_metric="top1_accuracy",
    is_higher_better=True,
    metrics=list(LABEL_METRICS),
    presets=high_performance(
        "Spectrograms of 224 bands and 2.3 seconds for EfficientNet-Lite0: answers fast on small machines.",
        network="efficientnet_lite0",
        input_size=224,
    )
    | high_accuracy(
        "Spectrograms of 260 bands and 2.6 seconds for EfficientNet-Lite2: finer, about half as fast.",
        network="efficientnet_lite2",
        input_size=260,
    ),
    hyper_parameters=[
        epochs(
            "Epochs of the small network",
            [10, 20, 40, 80],
            "as many as fit into the time, where the sounds are short and there are about 50 of each label",
        ),
        learning_rate("Learning rate", [1e-3, 2.5e-3, 5e-3], "2.5e-3"),
        batch_size("Batch size", [10, 20, 40], "20"),
        warmup_epochs("Warm-up epochs", [0, 0.5, 1, 2], "40 steps"),
    ],
    limits=Limits(
        min_labels=2,
        min_examples_per_label=2,
        recommended_examples_per_label=5,
        max_object_bytes=100 * 1024 * 1024,
    ),
    default_training_instance="ml.m5.xlarge",
    default_serving_instance="ml.c5.large",
    variants=["int8", "fp16"],
    preview="sound_labels",
)
