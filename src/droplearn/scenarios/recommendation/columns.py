"""Which column is which: by the names that logs of interactions usually have, or as the task's options say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.scenario import TableColumns

USER = ("user", "userid", "username", "uid", "customer", "customerid", "visitorid", "memberid", "accountid", "reviewerid", "用户")
ITEM = (
    "item", "itemid", "iid", "movie", "movieid", "product", "productid", "sku", "article", "articleid", "goods", "goodsid", "asin", "book",
    "bookid", "isbn", "track", "trackid", "song", "songid", "artistid", "video", "videoid", "content", "contentid", "商品",
)  # fmt: skip
KINDS = ("activetype", "eventtype", "behaviortype", "behaviourtype", "actiontype", "event", "action", "behavior", "behaviour")
"""Numbers in these columns name kinds of actions (0 click, 1 purchase): they are no magnitudes."""
WEIGHT = ("weight", "rating", "stars", "score", "count", "plays", "quantity", "preference", "value", *KINDS)
TIME = ("timestamp", "time", "ts", "datetime", "date", "activedate", "eventtime", "createdat", "unixreviewtime")
TOPICS = ("topics", "topic", "genres", "genre", "categories", "category", "categoryid", "categorycode", "tags", "tag")


@dataclass(frozen=True)
class Wanted:
    """What the task's options name; None: recognised."""

    user: str | None = None
    item: str | None = None
    weight: str | None = None
    time: str | None = None
    topics: str | None = None


@dataclass(frozen=True)
class Roles:
    """The columns of one file. With a user: interactions. Without, but with topics: a table of items."""

    user: str | None
    item: str
    weight: str | None
    time: str | None
    topics: str | None

    @property
    def has_kinds(self) -> bool:
        """Whether the weight column names kinds of actions."""
        return self.weight is not None and plain(self.weight) in KINDS


def wanted_of(settings: TaskSettings) -> Wanted:
    """An empty option is none."""
    return Wanted(**{role: str(settings.options.get(role) or "") or None for role in ("user", "item", "weight", "time", "topics")})


def check_columns(settings: TaskSettings, columns: TableColumns) -> None:
    """Raises as roles_of; `dataset.no_user_column` when all files are known and none is of interactions."""
    wanted = wanted_of(settings)
    roles = [roles_of(file, names, wanted) for file, names in columns.known.items()]
    if columns.known and columns.is_complete and not any(found and found.user for found in roles):
        raise no_user_column(list(columns.known.items()))


def plain(name: str) -> str:
    """`user_id`, `userId` and `User ID` are the same name."""
    return re.sub(r"[\W_]+", "", name.lower())


def roles_of(file: str, names: Sequence[str], wanted: Wanted) -> Roles | None:
    """None for a file that says nothing about users or topics.

    Raises:
        InvalidDataset: `dataset.no_item_column`; where an option names a column that is not there, `dataset.no_weight_column` or
            `dataset.no_time_column`.
    """
    item = _find(names, wanted.item, ITEM)
    user = _find(names, wanted.user, USER)
    topics = _find(names, wanted.topics, TOPICS)
    if item is None:
        raise _missing("item", file, names, ITEM)
    if user is None and topics is None:
        return None
    if user is None:
        return Roles(None, item, None, None, topics)
    weight, time = _find(names, wanted.weight, WEIGHT), _find(names, wanted.time, TIME)
    if wanted.weight and weight is None:
        raise _missing("weight", file, names, WEIGHT)
    if wanted.time and time is None:
        raise _missing("time", file, names, TIME)
    return Roles(user, item, weight, time, None)


def no_user_column(files: Sequence[tuple[str, Sequence[str]]]) -> InvalidDataset:
    """For a dataset without any file of interactions."""
    file, names = files[0]
    return _missing("user", file, names, USER)


def _find(names: Sequence[str], wanted: str | None, known: Sequence[str]) -> str | None:
    if wanted:
        return wanted if wanted in names else None
    by_name = {plain(name): name for name in reversed(names)}
    return next((by_name[name] for name in known if name in by_name), None)


def _missing(what: str, file: str, names: Sequence[str], known: Sequence[str]) -> InvalidDataset:
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return InvalidDataset(
        f"dataset.no_{what}_column",
        f"{file} has no {what} column. Its columns are: {shown}.",
        hint=f"Name the column {known[1]}, or say which one it is with the option {what!r}.",
        details={"columns": list(names[:100])},
    )
