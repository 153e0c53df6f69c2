"""Tables of interactions and of items, in any folder. What is inside is looked at by the trainer."""

from __future__ import annotations

from droplearn.contracts.dataset import DatasetVersion
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.recommendation.spec import SPEC
from droplearn.scenarios.scenario import Recognised
from droplearn.scenarios.tables.layout import recognise_table


def recognise(path: str, size_bytes: int) -> Recognised:
    """By the extension; folders mean nothing."""
    return recognise_table(path, size_bytes, SPEC.limits.max_object_bytes)


def check(version: DatasetVersion) -> list[str]:
    """Raises InvalidDataset (`dataset.empty`)."""
    if not sum(version.split_counts.values()):
        raise InvalidDataset(
            "dataset.empty",
            f"Dataset {version.dataset!r} has no tables.",
            hint="Drop a .csv, .tsv or .parquet file with a user and an item in each row: <project>/<dataset>/interactions.csv",
        )
    return []
