"""Layout: .csv, .tsv and .parquet files with the same columns, in any folders. Judged by the path; rows are checked in the trainer."""

from __future__ import annotations

from droplearn.contracts.dataset import DatasetVersion
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.scenario import Recognised
from droplearn.scenarios.tables.layout import recognise_table
from droplearn.scenarios.tabular_prediction.spec import SPEC


def recognise(path: str, size_bytes: int) -> Recognised:
    """Every table is an example file; its labels are in its rows."""
    return recognise_table(path, size_bytes, SPEC.limits.max_object_bytes)


def check(version: DatasetVersion) -> list[str]:
    """Raises InvalidDataset (`dataset.empty`)."""
    if not sum(version.split_counts.values()):
        raise InvalidDataset(
            "dataset.empty",
            f"Dataset {version.dataset!r} has no table.",
            hint="Drop a .csv, .tsv or .parquet file whose first row names the columns.",
        )
    return []
