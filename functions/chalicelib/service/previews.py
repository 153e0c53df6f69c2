"""The first rows of a table, a page at a time: of a model's, or of one that a strategy or a filter names."""

from __future__ import annotations

from itertools import islice
from typing import Any

from chalicelib.domain.cursors import decode_cursor, encode_cursor, invalid_cursor
from chalicelib.domain.records import Page
from chalicelib.ports import Platform
from chalicelib.service.recall_plan import model_tables, own_table
from chalicelib.service.strategies import find_filter, find_strategy
from chalicelib.service.table_lines import TableFile, rows_of, unknown_table

Row = dict[str, Any]


def preview_of_model(platform: Platform, model_id: str, table: str, limit: int, cursor: str | None) -> Page[Row]:
    """Raises NotFound (`model.unknown`, `table.unknown`), InvalidRequest (`cursor.invalid`)."""
    file = model_tables(platform, model_id).files.get(table)
    if file is None:
        raise unknown_table(repr(table))
    return _page(platform, file, limit, cursor)


def preview_of_strategy(platform: Platform, project: str, name: str, table: str, limit: int, cursor: str | None) -> Page[Row]:
    """Raises NotFound (`strategy.unknown`, `table.unknown`), InvalidDataset (`table.invalid`), InvalidRequest (`cursor.invalid`)."""
    file = own_table(find_strategy(platform, project, name), table)
    if file is None:
        raise unknown_table(f"{table!r} of the strategy's own")
    return _page(platform, file, limit, cursor)


def preview_of_filter(platform: Platform, project: str, name: str, limit: int, cursor: str | None) -> Page[Row]:
    """Raises NotFound (`filter.unknown`), InvalidDataset (`table.invalid`), InvalidRequest (`cursor.invalid`)."""
    one = find_filter(platform, project, name)
    file = own_table(one, one.kind)
    assert file is not None  # noqa: S101 (a filter has its one table)
    return _page(platform, file, limit, cursor)


def table_names(platform: Platform, model_id: str) -> list[str]:
    """Of a model. Raises NotFound (`model.unknown`)."""
    return sorted(model_tables(platform, model_id).files)


def _page(platform: Platform, file: TableFile, limit: int, cursor: str | None) -> Page[Row]:
    position = decode_cursor(cursor, {"start"})
    rows = list(islice(rows_of(platform.lines, file, _start(position)), limit))
    shown = [{file.form.key: row.key, file.form.value or "weight": row.value} for row in rows]
    return Page(shown, encode_cursor({"start": str(rows[-1].end)}) if len(rows) == limit else None)


def _start(position: dict[str, Any] | None) -> int:
    if position is None:
        return 0
    if not position["start"].isdecimal() or len(position["start"]) > 15:
        raise invalid_cursor()
    return int(position["start"])
