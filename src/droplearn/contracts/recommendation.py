"""What recommendation's tables look like: written by the trainer, or dropped by a user; read by the control plane.

A table is a file of rows, JSON lines or CSV. Lists of ids are one text, `id,id` or `id:weight,id:weight`, the best first. In an id, `%`,
`,` and `:` are written %25, %2C and %3A. No pydantic here: the hot path reads these forms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

TABLE_ROLE = "table"
"""`role` of a table among a model's files."""


@dataclass(frozen=True)
class TableForm:
    """`key` and `value`: names of the two columns. `value` None: the key column alone, one list for everybody; `weight` may follow."""

    key: str
    value: str | None

    @property
    def is_list(self) -> bool:
        """All rows together are one list."""
        return self.value is None


TABLE_FORMS = {
    "user_item": TableForm("user_id", "item_ids"),
    "item_item": TableForm("item_id", "similar_item_ids"),
    "user_recommended": TableForm("user_id", "item_ids"),
    "user_topic": TableForm("user_id", "topics"),
    "topic_item": TableForm("topic", "item_ids"),
    "item": TableForm("item_id", None),
}
POPULAR = "popular"
"""The model's own table of the form `item`."""
MAX_LIST_ITEMS = 10_000


def file_of(table: str) -> str:
    """The name of a model's table among its files."""
    return f"{table}.jsonl"


def form_of(table: str) -> TableForm:
    """Raises KeyError for a table that no model has."""
    return TABLE_FORMS["item" if table == POPULAR else table]


def escaped(name: str) -> str:
    """An id as it stands in a list."""
    return name.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")


def weighted_ids(pairs: Iterable[tuple[str, float | None]]) -> str:
    """The text of a list; four digits are enough to rank by."""
    return ",".join(escaped(name) if weight is None else f"{escaped(name)}:{weight:.4g}" for name, weight in pairs)


def parse_ids(text: str) -> list[tuple[str, float]]:
    """(id, weight); 1 where there is none. What follows the last colon and is no number belongs to the id."""
    return _parsed_plain(text) or _parsed(text)


def _parsed_plain(text: str) -> list[tuple[str, float]] | None:
    """Three times as fast, for what the trainer writes: finite weights, nothing escaped or empty. None: it is not such a text."""
    if "%" in text or " " in text or ",:" in text or text.startswith(":"):
        return None
    try:
        found = [(name, float(weight)) for name, _, weight in [part.rpartition(":") for part in text.split(",")]]
    except ValueError:
        return None
    total = sum(weight for _, weight in found)
    return found if total - total == 0 and all(name for name, _ in found) else None


def _parsed(text: str) -> list[tuple[str, float]]:
    found = []
    for part in text.split(","):
        name, colon, tail = part.rpartition(":")
        weight = _number(tail) if colon else None
        name = (part if weight is None else name).strip()
        if name:
            found.append((_unescaped(name), 1.0 if weight is None else weight))
    return found


def _unescaped(name: str) -> str:
    return name.replace("%3A", ":").replace("%2C", ",").replace("%25", "%") if "%" in name else name


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if found - found == 0 else None
