"""Step LoadTables: a model's tables, and a project's own, become the rows of one version of a service. It goes on where it was left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from chalicelib.domain.recall import EVERYBODY, PLAN
from chalicelib.domain.recall_versions import tables_of
from chalicelib.domain.service import MAX_RUNTIME_S, Service
from chalicelib.domain.service_version import variant_of
from chalicelib.domain.times import moment_of
from chalicelib.ports import Platform
from chalicelib.service.finding import find_service
from chalicelib.service.recall_plan import recall_of
from chalicelib.service.service_events import note_ending
from chalicelib.service.table_lines import MAX_VALUE_BYTES, TableFile, TableRow, rows_of
from chalicelib.service.versions import version_of
from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.recommendation import MAX_LIST_ITEMS, escaped
from droplearn.contracts.status import ServiceStatus

CHUNK = 500
"""Rows between two looks at the clock."""
ROWS_OUTLIVE_S = 24 * 3600
"""Rows expire so long after their service's latest possible deadline; loading them takes some of it."""


class Loaded(NamedTuple):
    """`cursor` None: all rows are there."""

    cursor: dict[str, Any] | None
    row_count: int


def to_load(platform: Platform, service: Service) -> dict[str, Any]:
    """What LoadTables begins with. However far the deadline is moved, no row has to be written again."""
    began = moment_of(service.running_since) if service.running_since else platform.now()
    expires_at = int(began.timestamp()) + MAX_RUNTIME_S + ROWS_OUTLIVE_S
    return {"expires_at": expires_at, "loading": {"is_done": False, "cursor": None}}


def load_tables(
    platform: Platform, service_id: str, expires_at: int, cursor: dict[str, Any] | None, has_time: Callable[[], bool], number: int = 1
) -> Loaded:
    """Writes until everything is written or time is short. A version that has its plan is whole, and is never written again. A service
    that is being stopped is not loaded any further.

    Raises:
        InvalidRequest, InvalidDataset, NotFound: a strategy's table cannot be used.
        TransientError: the database asks to slow down; the same cursor again goes on.
    """
    service = find_service(platform, service_id)
    if service.state is ServiceStatus.STOPPING or service.state.is_terminal:
        return Loaded(None, 0)
    tables = tables_of(service_id, variant_of(number))
    if cursor is None:
        if platform.recall_tables.read(tables, [(PLAN, EVERYBODY)], is_consistent=True):
            return Loaded(None, 0)
        recall = recall_of(platform, service.project, version_of(platform, service, number).model)
        cursor = {
            "files": [list(vars(file).values()) for file in recall.files],
            "plan": recall.plan.to_text(),
            "at": 0,
            "start": 0,
            "rows": 0,
        }
    files = [TableFile(*given) for given in cursor["files"]]
    place, start, count = int(cursor["at"]), int(cursor["start"]), int(cursor["rows"])
    while place < len(files):
        for rows in _chunks(platform, files[place], start):
            platform.recall_tables.write(tables, files[place].name, [(row.key, row.value) for row in rows], expires_at)
            count, start = count + len(rows), rows[-1].end
            if not has_time():
                return Loaded(cursor | {"at": place, "start": start, "rows": count}, count)
        place, start = place + 1, 0
    platform.recall_tables.write(tables, PLAN, [(EVERYBODY, cursor["plan"])], expires_at)
    return Loaded(None, count)


def remove_tables(platform: Platform, service_id: str) -> None:
    """Of all versions that answer. Without its plan a version does not; its rows expire by themselves."""
    service = find_service(platform, service_id)
    note_ending(platform, service)
    for version in service.weights:
        platform.recall_tables.remove(tables_of(service_id, version), PLAN, EVERYBODY)


def _chunks(platform: Platform, file: TableFile, start: int) -> Iterator[list[TableRow]]:
    rows: Iterator[TableRow] = rows_of(platform.lines, file, start)
    if file.form.is_list:
        rows = iter([_list_of(file, rows)] if start == 0 else [])
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _list_of(file: TableFile, rows: Iterable[TableRow]) -> TableRow:
    """One row for everybody. Raises InvalidDataset (`table.too_long`)."""
    parts, end = [], 1
    for row in rows:
        parts.append(escaped(row.key) + (f":{row.value}" if row.value else ""))
        end = row.end
    text = ",".join(parts)
    if len(parts) > MAX_LIST_ITEMS or len(text.encode()) > MAX_VALUE_BYTES:
        raise InvalidDataset(
            "table.too_long",
            f"{file.key} lists {len(parts):,} items; {MAX_LIST_ITEMS:,} items and {MAX_VALUE_BYTES:,} bytes are possible.",
            hint="List the most important ones.",
        )
    return TableRow(EVERYBODY, text, end)
