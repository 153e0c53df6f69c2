"""OCR as data."""

from __future__ import annotations

from droplearn.scenarios.choices import batch_size, epochs, learning_rate, warmup_epochs
from droplearn.scenarios.file_extensions import PICTURES
from droplearn.scenarios.presets import high_accuracy, high_performance
from droplearn.scenarios.scenario import Limits, OptionSpec, ScenarioSpec

ANNOTATION_EXTENSIONS = (".xml", ".json")
MIN_ANNOTATED = 3
"""Pages with text: two to learn from, one to validate on."""

SPEC = ScenarioSpec(
    name="ocr",
    title="OCR",
    description="What text does a page hold, and what do the fields of a form say?",
    input_kind="image",
    answer_kind="texts with places, and fields",
    label_format="A VOC XML per picture (a.jpg + a.xml): the text in <name>, or the field in <name> and the text in <text>; "
    "optionally a.json with the fields' values.",
    labels_from="annotations",
    media_types=["image/"],
    file_extensions=[*PICTURES, *ANNOTATION_EXTENSIONS],
    primary_metric="line_accuracy",
    is_higher_better=True,
    metrics=[
        "line_accuracy",
        "character_error_rate",
        "normalised_edit_distance",
        "line_accuracy_end_to_end",
        "field_macro_f1",
        "field_macro_f1_exact",
        "field_macro_f1_given_lines",
    ],
    presets=high_performance(
        "PP-OCRv6 small; pages are looked at with at most 1,280 pixels a side: about two seconds a full page on one core.",
        network="pp_ocr_v6_small",
        input_size=1280,
    )
    | high_accuracy(
        "PP-OCRv6 small; pages are looked at with up to 2,000 pixels a side: finds smaller print, half as fast.",
        network="pp_ocr_v6_small",
        input_size=2000,
    ),
    hyper_parameters=[
        epochs("Epochs of fine-tuning the recogniser", [5, 10, 20, 50], "as many as fit into the time while the validation metric gains"),
        learning_rate("Learning rate of the recogniser", [1e-4, 3e-4, 1e-3], "4e-4"),
        batch_size("Lines a batch", [8, 16, 32], "16"),
        warmup_epochs("Warm-up epochs", [0, 0.5, 1, 2], "20 steps"),
    ],
    options=[
        OptionSpec(
            name="scene",
            title="Scene",
            description="printed: the recogniser is fine-tuned where it reads too little; handwriting: it always is, with slanted and "
            "bent copies of the lines, and less certain lines are kept.",
            kind="choice",
            choices=["printed", "handwriting"],
            default="printed",
        )
    ],
    limits=Limits(
        min_labels=0,
        min_examples_per_label=MIN_ANNOTATED,
        recommended_examples_per_label=50,
        max_object_bytes=20 * 1024 * 1024,
        max_pixels=50_000_000,
        min_side_px=31,
    ),
    default_training_instance="ml.m5.xlarge",
    default_serving_instance="ml.c5.large",
    image_flavour="ocr",
)
