"""Weights and times from cells: numbers where they are numbers, nothing where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from droplearn.scenarios.recommendation.interactions import Times

_TIME_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%d/%m/%Y", "%Y%m%d")


def numbers(column: Any, *, has_decimal_comma: bool = False) -> Times | None:
    """float64, NaN where empty; None when a cell is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if pa.types.is_string(column.type):
            text = pc.utf8_trim_whitespace(pc.replace_substring(column, ",", ".") if has_decimal_comma else column)
            column = pc.if_else(pc.equal(text, ""), None, text)
        found = pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return np.asarray(found.fill_null(float("nan")), np.float64)


def times(column: Any) -> Times | None:
    """Numbers as they are; dates as seconds since 1970. None when they cannot be read."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return _seconds(column)
    if (found := numbers(column)) is not None:
        return found
    return _dates(column)


def _dates(column: Any) -> Times | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return _seconds(pc.cast(column, pa.timestamp("us", "UTC")))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    try:
        return _seconds(pc.cast(column, pa.timestamp("us")))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    for form in _TIME_FORMATS:
        try:
            return _seconds(pc.strptime(column, format=form, unit="s"))
        except pa.ArrowInvalid:
            continue
    return None


def _seconds(column: Any) -> Times:
    import pyarrow as pa
    import pyarrow.compute as pc

    micros = pc.cast(pc.cast(column, pa.timestamp("us", column.type.tz)), pa.int64())
    return np.asarray(pc.cast(micros, pa.float64()).fill_null(float("nan")), np.float64) / 1e6
