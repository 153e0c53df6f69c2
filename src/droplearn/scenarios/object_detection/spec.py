"""Object detection as data."""

from __future__ import annotations

from droplearn.scenarios.choices import batch_size, epochs, learning_rate, warmup_epochs
from droplearn.scenarios.file_extensions import PICTURES
from droplearn.scenarios.presets import high_accuracy, high_performance
from droplearn.scenarios.scenario import Limits, ScenarioSpec

ANNOTATION_EXTENSIONS = (".xml", ".json", ".txt", ".names", ".yaml", ".yml")
MIN_ANNOTATED = 5
"""Pictures with an object on them: fewer leave nothing to validate with."""

SPEC = ScenarioSpec(
    name="object_detection",
    title="Object detection",
    description="Which objects does a picture show, and where?",
    input_kind="image",
    answer_kind="labelled boxes",
    label_format="A VOC XML or YOLO text file per picture (a.jpg + a.xml), or one COCO JSON for many; pictures without one are unlabelled.",
    labels_from="annotations",
    media_types=["image/"],
    file_extensions=[*PICTURES, *ANNOTATION_EXTENSIONS],
    primary_metric="map_50",
    is_higher_better=True,
    metrics=["map_50", "map_50_95", "precision", "recall", "f1", "classification_loss", "localization_loss", "total_loss"],
    presets=high_performance(
        "EfficientNet-Lite0 with a light head: answers in some 20 ms on one core.",
        network="efficientnet_lite0",
        input_size=320,
    )
    | high_accuracy(
        "EfficientNet-Lite2 with a wider head and larger input: more accurate, about a third as fast.",
        network="efficientnet_lite2",
        input_size=416,
    ),
    hyper_parameters=[
        epochs(
            "Epochs",
            [20, 50, 100, 200],
            "as many as fit into the time, fewer for large datasets; ends when the validation metric gains no more",
        ),
        learning_rate("Learning rate", [5e-4, 1e-3, 2e-3, 4e-3], "2e-3 for the head, a fifth of it for the backbone"),
        batch_size("Batch size", [4, 8, 16, 32], "4 for few pictures, up to 16 for many"),
        warmup_epochs("Warm-up epochs", [0, 1, 2, 5], "40 steps"),
    ],
    limits=Limits(
        min_labels=1,
        min_examples_per_label=1,
        recommended_examples_per_label=50,
        max_object_bytes=50 * 1024 * 1024,
        max_pixels=50_000_000,
        min_side_px=31,
    ),
    default_training_instance="ml.m5.xlarge",
    default_serving_instance="ml.c5.large",
    variants=["int8", "fp16"],
    preview="picture_boxes",
)
