"""Tabular prediction as data."""

from __future__ import annotations

from droplearn.scenarios.choices import epochs, learning_rate
from droplearn.scenarios.file_extensions import TABLES
from droplearn.scenarios.presets import high_accuracy, high_performance
from droplearn.scenarios.scenario import Limits, OptionSpec, ScenarioSpec

CLASSIFICATION_METRICS = ("roc_auc", "log_loss", "accuracy", "macro_f1")
REGRESSION_METRICS = ("rmse", "mae", "r2")
LOWER_IS_BETTER = ("log_loss", "rmse", "mae")

SPEC = ScenarioSpec(
    name="tabular_prediction",
    title="Tabular prediction",
    description="What is the value of one column, given the others? Classes or numbers.",
    input_kind="table",
    answer_kind="values",
    label_format="CSV or Parquet files with one row per example; one column is the target (default: the last one).",
    labels_from="rows",
    media_types=["text/csv", "text/tab-separated-values", "application/vnd.apache.parquet"],
    file_extensions=list(TABLES),
    primary_metric="roc_auc",
    is_higher_better=True,
    metrics=[*CLASSIFICATION_METRICS, *REGRESSION_METRICS],
    presets=high_performance(
        "Our ensemble of CatBoost, LightGBM, a network and a linear model: native files, one row in milliseconds.",
        network="ensemble",
    )
    | high_accuracy(
        "AutoGluon beside our ensemble; the better one by validation. Slower answers where AutoGluon is chosen.",
        network="autogluon",
    ),
    hyper_parameters=[
        epochs("Members of the ensemble that are tried", [1, 4, 8, 16], "as many as fit into the time while the validation metric gains"),
        learning_rate("Learning rate of the boosted trees", [0.02, 0.05, 0.1], "by the number of rows", minimum=1e-4),
    ],
    options=[
        OptionSpec(
            name="target", title="Target column", kind="text", description="The column to predict. Without it: the last one.", default=None
        ),
        OptionSpec(
            name="problem",
            title="Problem",
            kind="choice",
            choices=["auto", "classification", "regression"],
            default="auto",
            description="Whether the target is a class or a number. `auto` decides by its values, and says why.",
        ),
        OptionSpec(
            name="metric",
            title="Metric",
            kind="choice",
            choices=["auto", *CLASSIFICATION_METRICS, *REGRESSION_METRICS],
            default="auto",
            description="What models are chosen by. Without it: roc_auc for two classes, log_loss for more, rmse for numbers.",
        ),
        OptionSpec(
            name="ignore_columns",
            title="Columns to ignore",
            kind="text",
            description="Names, separated by commas: columns that are not known when a prediction is asked for.",
            default="",
        ),
        OptionSpec(
            name="keep_columns",
            title="Columns to keep",
            kind="text",
            description="Names, separated by commas: columns that are used though they look like an ID or a copy of the target.",
            default="",
        ),
    ],
    limits=Limits(
        min_labels=2,
        min_examples_per_label=2,
        recommended_examples_per_label=50,
        max_object_bytes=4 * 1024**3,
    ),
    default_training_instance="ml.m5.xlarge",
    default_serving_instance="ml.c5.large",
    image_flavour="tabular",
)
