"""Keep and remove a project's strategies and filters. A service answers by those that stood when it was deployed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from chalicelib.domain.strategy import MAX_FILTERS, MAX_STRATEGIES, TABLES_OF, Filter, Strategy, TableFile, filters_of, strategies_of
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform, Records
from chalicelib.service.finding import find, find_dataset, find_open_project
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound, UnsupportedScenario
from droplearn.scenarios import scenario_named

R = TypeVar("R", Strategy, Filter)


def create_strategy(platform: Platform, strategy: Strategy) -> Strategy:
    """Raises NotFound (`project.unknown`, `dataset.unknown`, `table.unknown`), Conflict (`strategy.exists`, `strategy.too_many`),
    InvalidRequest (`strategy.wrong_table`), UnsupportedScenario (`strategy.not_here`).
    """
    _check_project(platform, strategy.project)
    _check_tables(strategy)
    _check_files(platform, strategy.project, strategy.tables.values())
    return _add(platform.strategies, strategy, strategies_of(strategy.project), MAX_STRATEGIES)


def create_filter(platform: Platform, one: Filter) -> Filter:
    """Raises what create_strategy raises, with `filter.exists` and `filter.too_many`."""
    _check_project(platform, one.project)
    _check_files(platform, one.project, [one.table])
    return _add(platform.filters, one, filters_of(one.project), MAX_FILTERS)


def change_strategy(platform: Platform, project: str, name: str, changes: Mapping[str, Any]) -> Strategy:
    """Raises NotFound (`strategy.unknown`, ...), InvalidRequest (`strategy.wrong_table`)."""
    changed = replace(find_strategy(platform, project, name), **changes)
    _check_tables(changed)
    _check_files(platform, project, changed.tables.values())
    return platform.strategies.change(changed.key, dict(changes) | {"updated_at": text_of(platform.now())}) or changed


def change_filter(platform: Platform, project: str, name: str, table: TableFile) -> Filter:
    """Raises NotFound (`filter.unknown`, ...)."""
    one = find_filter(platform, project, name)
    _check_files(platform, project, [table])
    return platform.filters.change(one.key, {"table": table, "updated_at": text_of(platform.now())}) or one


def find_strategy(platform: Platform, project: str, name: str) -> Strategy:
    """Raises NotFound (`strategy.unknown`)."""
    return find(platform.strategies, f"{project}/{name}", "strategy")


def find_filter(platform: Platform, project: str, name: str) -> Filter:
    """Raises NotFound (`filter.unknown`)."""
    return find(platform.filters, f"{project}/{name}", "filter")


def _add(records: Records[R], record: R, listed_in: str, most: int) -> R:
    what = record.KIND.lower()
    if len(records.page(listed_in, most).items) >= most:
        raise Conflict(f"{what}.too_many", f"A project has at most {most} of them.", hint="Remove one first.")
    if not records.add(record):
        raise Conflict(f"{what}.exists", f"There is a {what} {record.name!r} already.", hint="Change it, or choose another name.")
    return record


def _check_project(platform: Platform, project: str) -> None:
    scenario = scenario_named(find_open_project(platform, project).scenario)
    if scenario.spec.serving != "tables":
        raise UnsupportedScenario("strategy.not_here", f"{scenario.spec.title} knows no strategies or filters.")


def _check_tables(strategy: Strategy) -> None:
    known = TABLES_OF[strategy.kind]
    if wrong := [table for table in strategy.tables if table not in known]:
        raise InvalidRequest(
            "strategy.wrong_table", f"A {strategy.kind} strategy has no table {wrong[0]!r}.", hint=f"Its tables are: {', '.join(known)}."
        )


def _check_files(platform: Platform, project: str, files: Iterable[TableFile]) -> None:
    """They were dropped, whatever the index made of them."""
    for file in files:
        find_dataset(platform, project, file["dataset"])
        example = platform.examples.read(project, file["dataset"], [file["path"]]).get(file["path"])
        if example is None or example.status is ExampleStatus.DELETED:
            raise NotFound(
                "table.unknown",
                f"There is no {file['path']!r} in dataset {file['dataset']!r}.",
                hint="Drop it first: .csv, .tsv or .jsonl.",
            )
