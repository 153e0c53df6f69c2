"""Queries look only at the items of their hash key. moto's look at every item of the table; what they find is the same.

The items of a table are grouped by moto already. For global and local indexes the groups are kept here, beside the table.
"""

import threading
from typing import Any
from weakref import WeakKeyDictionary

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Key = tuple[Any, ...]
_candidates = threading.local()
examined = threading.local()  # how many items the last query of this thread looked at: tests read it


class Groups:
    """Items of one index by the value of its hash key."""

    def __init__(self, hash_attribute: str, items: list[Item]):
        self._attribute = hash_attribute
        self._items: dict[Key, dict[Key, Item]] = {}
        for item in items:
            self.add(item)

    def add(self, item: Item) -> None:
        """Take up an item, if it has the index's hash key."""
        if (group := self._group_of(item)) is not None:
            self._items.setdefault(group, {})[_identity(item)] = item

    def remove(self, group: Key | None, item_key: Key) -> None:
        """Forget an item that was in this group."""
        if group is not None and group in self._items:
            self._items[group].pop(item_key, None)
            if not self._items[group]:
                del self._items[group]

    def _group_of(self, item: Item) -> Key | None:
        value = item.attrs.get(self._attribute)
        return None if value is None else (value.type, value.cast_value)

    def group_of(self, item: Item | None) -> Key | None:
        """The group of an item as it is now."""
        return None if item is None else self._group_of(item)

    def items(self, group: Key) -> list[Item]:
        """The items of one hash key."""
        return list(self._items.get(group, {}).values())


_groups: WeakKeyDictionary[Table, dict[str, Groups]] = WeakKeyDictionary()


def _identity(item: Item) -> Key:
    range_key = item.range_key
    return item.hash_key.cast_value, None if range_key is None else range_key.cast_value


def _groups_of(table: Table, index_name: str) -> Groups:
    """Built on first use, kept up to date afterwards."""
    known = _groups.setdefault(table, {})
    if index_name not in known:
        hash_attribute = next(k["AttributeName"] for k in table.get_index(index_name).schema if k["KeyType"] == "HASH")
        known[index_name] = Groups(hash_attribute, list(_all_items(table)))
    return known[index_name]


def _reindex(table: Table, before: dict[str, Key | None], old: Item | None, new: Item | None) -> None:
    for name, groups in _groups.get(table, {}).items():
        if old is not None:
            groups.remove(before.get(name), _identity(old))
        if new is not None:
            groups.add(new)


def _positions(table: Table, item: Item | None) -> dict[str, Key | None]:
    return {name: groups.group_of(item) for name, groups in _groups.get(table, {}).items()}


_all_items = Table.all_items


def install() -> None:
    """Replace how moto finds the items of a query, and watch its writes."""
    query, put_item, delete_item, update_item = Table.query, Table.put_item, Table.delete_item, DynamoDBBackend.update_item

    def all_items(table: Table) -> Any:
        chosen = getattr(_candidates, "items", None)
        return _all_items(table) if chosen is None else chosen

    def indexed_query(table: Table, hash_key: Any, *arguments: Any, **named: Any) -> Any:
        index_name = named.get("index_name") or (arguments[6] if len(arguments) > 6 else None)
        _candidates.items = _find(table, hash_key, index_name, named.get("hash_key_conditions"))
        examined.count = len(_candidates.items)
        try:
            return query(table, hash_key, *arguments, **named)
        finally:
            _candidates.items = None

    def watched_put(table: Table, item_attrs: dict[str, Any], *arguments: Any, **named: Any) -> Item:
        old = _item_at(table, item_attrs)
        before = _positions(table, old)
        new = put_item(table, item_attrs, *arguments, **named)
        _reindex(table, before, old, new)
        return new

    def watched_delete(table: Table, hash_key: Any, range_key: Any) -> Item | None:
        item = delete_item(table, hash_key, range_key)
        _reindex(table, _positions(table, item), item, None)
        return item

    def watched_update(backend: Any, table_name: str, key: dict[str, Any], *arguments: Any, **named: Any) -> Any:
        table = backend.get_table(table_name)
        old = _item_at(table, key)
        before = _positions(table, old)
        try:
            return update_item(backend, table_name, key, *arguments, **named)
        finally:  # an update changes the item in place, and may fail after it has made a new one
            _reindex(table, before, old, _item_at(table, key))

    Table.all_items, Table.query = all_items, indexed_query
    Table.put_item, Table.delete_item = watched_put, watched_delete
    DynamoDBBackend.update_item = watched_update


def _item_at(table: Table, attributes: dict[str, Any]) -> Item | None:
    """The item with the key that is among these attributes."""
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
    if any(name not in attributes for name in names):
        return None  # moto says what is wrong
    found: Any = table.items
    for name in names:
        found = found.get(DynamoType(attributes[name])) if found else None
    return found


def _find(table: Table, hash_key: Any, index_name: str | None, conditions: list[tuple[str, Any]] | None) -> list[Item]:
    if index_name is None:
        found = table.items.get(hash_key, {})
        return list(found.values()) if table.has_range_key else [found] if found else []
    if index_name not in {index.name for index in table.all_indexes()} or not conditions:
        return list(_all_items(table))  # moto says what is wrong
    groups = _groups_of(table, index_name)
    value = dict(conditions).get(groups._attribute)
    return groups.items((value.type, value.cast_value)) if value is not None else list(_all_items(table))
