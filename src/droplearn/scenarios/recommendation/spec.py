"""Recommendation as data."""

from __future__ import annotations

from droplearn.scenarios.file_extensions import TABLES
from droplearn.scenarios.presets import high_accuracy, high_performance
from droplearn.scenarios.scenario import Limits, OptionSpec, ScenarioSpec

SPEC = ScenarioSpec(
    name="recommendation",
    title="Recommendation",
    description="Which items will a user want next? Recall from a log of who used what.",
    input_kind="interactions",
    answer_kind="items",
    label_format="Tables with a user and an item in each row, weight and time where known; a table of items with topics beside them.",
    labels_from="rows",
    media_types=[],
    file_extensions=list(TABLES),
    primary_metric="ndcg_at_10",
    is_higher_better=True,
    metrics=["ndcg_at_10", "recall_at_10", "precision_at_10", "coverage"],
    presets=high_performance(
        "Five kinds of models, few settings each; small tables.",
        network="ease, rp3beta, cosine, ials, popularity",
    )
    | high_accuracy(
        "The same with more settings each, and tables twice as deep.",
        network="ease, rp3beta, cosine, ials, popularity",
    ),
    hyper_parameters=[],
    options=[
        OptionSpec(name="user", title="User column", description="Empty: recognised by its name.", kind="text"),
        OptionSpec(name="item", title="Item column", description="Empty: recognised by its name.", kind="text"),
        OptionSpec(name="weight", title="Weight column", description="Ratings, counts, ... Empty: recognised by its name.", kind="text"),
        OptionSpec(name="time", title="Time column", description="Empty: recognised by its name.", kind="text"),
        OptionSpec(name="topics", title="Topic column", description="Of the table of items. Empty: recognised by its name.", kind="text"),
        OptionSpec(
            name="min_weight",
            title="Least weight",
            description="Interactions of a smaller weight are left out (ratings below 4, clicks beside purchases).",
            kind="number",
        ),
        OptionSpec(
            name="exclude_seen",
            title="Never what a user had before",
            description="Off where users come back for the same items.",
            kind="switch",
            default=True,
        ),
    ],
    limits=Limits(
        min_labels=0,
        min_examples_per_label=0,
        recommended_examples_per_label=0,
        max_object_bytes=4 * 1024**3,
    ),
    default_training_instance="ml.m5.xlarge",
    default_serving_instance="lambda",
    serving="tables",
)
