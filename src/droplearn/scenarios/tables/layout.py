"""Which objects of a dataset are tables: judged by the path alone. Imports nothing heavy: indexing uses it."""

from __future__ import annotations

from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.file_extensions import TABLES
from droplearn.scenarios.keys import reason_to_skip
from droplearn.scenarios.learning.context import ExampleSource
from droplearn.scenarios.scenario import Recognised
from droplearn.scenarios.tables.source import TableSource


def is_table(path: str) -> bool:
    """By its extension."""
    return path.lower().endswith(TABLES)


def recognise_table(path: str, size_bytes: int, max_bytes: int) -> Recognised:
    """A table is LABELLED without a label: its labels are in its rows. Folders mean nothing."""
    reason = reason_to_skip(path, size_bytes, extensions=TABLES, wrong_kind="not_a_table", max_bytes=max_bytes)
    return Recognised(ExampleStatus.SKIPPED, reason=reason) if reason else Recognised(ExampleStatus.LABELLED)


def table_sources(source: ExampleSource) -> list[TableSource]:
    """The tables of a dataset version, by path. Raises InvalidDataset when one was deleted since."""
    found = []
    for example in sorted(source.examples, key=lambda e: e.path):
        if not is_table(example.path):
            continue
        file = (source.folder / example.path).absolute()
        if ".." in file.parts or not file.is_file():
            raise InvalidDataset(
                "dataset.missing_object", f"{example.path} is not there any more.", hint="Drop it again, or start a new task."
            )
        found.append(TableSource(example.path, file))
    return found
