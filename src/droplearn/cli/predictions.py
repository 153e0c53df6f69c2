"""Answers of models as rows of a small table."""

from __future__ import annotations

from typing import Any

from droplearn.client import Json

_MAX_SHOWN = 20


def rows_of(file: str, response: Json) -> list[list[Any]]:
    """The best answers about a file, one a line."""
    if "items" in response:
        return [[file, item["item_id"], ""] for item in response["items"]]
    if not response["success"]:
        return [[file, f"{response['errorCode']} {response['errorMsg']} {response.get('detail', '')}".rstrip(), ""]]
    output = response["result"]["output"][0]
    body = output["body"]
    shown = body[:_MAX_SHOWN] if output["type"] == "table_common" or any("pos" in entry for entry in body) else body[:1]
    return [[file, entry.get("label", entry.get("value")), number(entry.get("conf"))] for entry in shown] or [[file, "nothing found", ""]]


def number(value: object) -> str:
    """Four decimals; nothing for nothing, a word as it is."""
    return f"{value:.4f}" if isinstance(value, int | float) else str(value or "")
