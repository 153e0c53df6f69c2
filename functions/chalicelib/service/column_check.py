"""Before a training job is paid for: do the columns that a task names exist? From the first bytes of its tables, or their footers."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from chalicelib.ports import Platform
from chalicelib.service.freezing import EXAMPLES
from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.contracts.s3_layout import dataset_prefix, version_prefix
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named
from droplearn.scenarios.scenario import TableColumns
from droplearn.scenarios.tables.names import Peek, names_in

MAX_TABLES = 20
"""That are looked into; the job reads all of them."""


def check_columns(platform: Platform, version: DatasetVersion, settings: TaskSettings) -> None:
    """Raises InvalidRequest (`option.unknown_column`, `option.invalid`) and InvalidDataset, as the job would."""
    scenario = scenario_named(version.scenario)
    if scenario.check_columns is not None:
        scenario.check_columns(settings, _columns(platform, version))


def _columns(platform: Platform, version: DatasetVersion) -> TableColumns:
    tables = heapq.nsmallest(MAX_TABLES + 1, _examples(platform, version), key=lambda table: table.path)
    found = {table.path: names_in(table.path, table.size_bytes, _peek(platform, version, table.path)) for table in tables[:MAX_TABLES]}
    known = {path: names for path, names in found.items() if names is not None}
    return TableColumns(known, is_complete=len(known) == len(tables))


def _peek(platform: Platform, version: DatasetVersion, path: str) -> Peek:
    key = dataset_prefix(version.project, version.dataset) + path
    return lambda first, count: platform.dropped.read_range(key, first, count)


def _examples(platform: Platform, version: DatasetVersion) -> Iterator[VersionExample]:
    for line in platform.artifacts.lines(version_prefix(version.version_id) + EXAMPLES):
        yield VersionExample.model_validate_json(line)
