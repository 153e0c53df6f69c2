"""Image classification as data."""

from __future__ import annotations

from droplearn.scenarios.choices import batch_size, epochs, learning_rate, warmup_epochs
from droplearn.scenarios.file_extensions import PICTURES
from droplearn.scenarios.label_metrics import LABEL_METRICS
from droplearn.scenarios.presets import high_accuracy, high_performance
from droplearn.scenarios.scenario import Limits, ScenarioSpec

SPEC = ScenarioSpec(
    name="image_classification",
    title="Image classification",
    description="Which one of several labels does a picture show?",
    input_kind="image",
    answer_kind="labels",
    label_format="One folder per label; unlabelled pictures at the dataset's root.",
    media_types=["image/"],
    file_extensions=list(PICTURES),
    primary_metric="top1_accuracy",
    is_higher_better=True,
    metrics=list(LABEL_METRICS),
    presets=high_performance(
        "EfficientNet-Lite0: answers fast on small machines.",
        network="efficientnet_lite0",
        input_size=256,
    )
    | high_accuracy(
        "EfficientNet-Lite2: about two points better, half as fast.",
        network="efficientnet_lite2",
        input_size=260,
    ),
    hyper_parameters=[
        epochs("Epochs of fine-tuning", [5, 10, 20, 50], "as many as fit into the time while the validation metric gains"),
        learning_rate("Learning rate", [1e-4, 3e-4, 1e-3], "3e-4 for the network, three times that for the last layer"),
        batch_size("Batch size", [8, 16, 32, 64], "32, less for small datasets"),
        warmup_epochs("Warm-up epochs", [0, 0.5, 1, 2], "20 steps"),
    ],
    limits=Limits(
        min_labels=2,
        min_examples_per_label=2,
        recommended_examples_per_label=20,
        max_object_bytes=20 * 1024 * 1024,
        max_pixels=50_000_000,
        min_side_px=8,
    ),
    default_training_instance="ml.m5.xlarge",
    default_serving_instance="ml.c5.large",
    variants=["int8", "fp16"],
    preview="picture_labels",
)
