"""From a project's strategies and filters, and a model's tables, to what a service of them reads."""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.domain.recall import RecallPlan, Source
from chalicelib.domain.strategy import MAX_FILTERS, MAX_STRATEGIES, TABLES_OF, Filter, Strategy, filters_of, strategies_of
from chalicelib.ports import Platform
from chalicelib.service.finding import find_model
from chalicelib.service.table_lines import TableFile
from droplearn.contracts.errors import InternalError, InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.recommendation import POPULAR, TABLE_ROLE
from droplearn.contracts.s3_layout import ExampleKey, best_model_manifest_key, checkpoints_prefix

DEFAULT_NAMES = {"collaborative_filtering": "item_cf", "semantic": "topics", "custom": POPULAR}
DEFAULT_RECALL = 1_000


class ModelTables(NamedTuple):
    """What a model brought: the files by table name, and whether users want new items only."""

    files: dict[str, TableFile]
    excludes_seen: bool


class Recall(NamedTuple):
    """The plan and all files that it needs."""

    plan: RecallPlan
    files: list[TableFile]


def model_tables(platform: Platform, model_id: str) -> ModelTables:
    """From the manifest. Raises NotFound (`model.unknown`), InternalError (`model.gone`)."""
    task = find_model(platform, model_id).task
    body = platform.artifacts.read(best_model_manifest_key(task))
    if body is None:
        raise InternalError("model.gone", f"The files of {model_id} are gone.")
    manifest = ModelManifest.from_json(body)
    names = [file.name for file in manifest.files if file.role == TABLE_ROLE]
    folder = f"{checkpoints_prefix(task)}best/"
    files = {(table := name.partition(".")[0]): TableFile("artifacts", folder + name, table, table) for name in names}
    return ModelTables(files, bool(manifest.preprocessing.get("exclude_seen", True)))


def recall_of(platform: Platform, project: str, model_id: str) -> Recall:
    """As strategies and filters stand now. Raises InvalidRequest (`strategy.no_table`)."""
    own = model_tables(platform, model_id)
    strategies = platform.strategies.page(strategies_of(project), MAX_STRATEGIES).items
    filters = platform.filters.page(filters_of(project), MAX_FILTERS).items
    files: dict[str, TableFile] = {}
    sources = [_source(strategy, own, files) for strategy in strategies] or _default_sources(own)
    for one in filters:
        name = f"filter.{one.name}"
        files[name] = _dropped(one.project, one.table, "item" if one.kind == "item" else "user_item", name)
    plan = RecallPlan(
        sources=sources,
        pair_filters=[f"filter.{one.name}" for one in filters if one.kind == "user_item"],
        item_filters=[f"filter.{one.name}" for one in filters if one.kind == "item"],
        seen="user_item" if own.excludes_seen and "user_item" in own.files else None,
    )
    wanted = {table for source in sources for table in source.tables.values()} | ({plan.seen} if plan.seen else set())
    return Recall(plan, [*(own.files[name] for name in sorted(wanted) if name in own.files), *files.values()])


def _source(strategy: Strategy, own: ModelTables, files: dict[str, TableFile]) -> Source:
    """Adds the strategy's own tables to `files`."""
    tables = {}
    for role in TABLES_OF[strategy.kind]:
        name = f"{strategy.name}.{role}" if role in strategy.tables else POPULAR if role == "item" else role
        if role in strategy.tables:
            files[name] = _dropped(strategy.project, strategy.tables[role], role, name)
        elif name not in own.files:
            raise InvalidRequest(
                "strategy.no_table",
                f"Strategy {strategy.name!r} needs a table {role}, which the model does not have.",
                hint="Give the strategy a table of your own, or train with a table of items and their topics.",
            )
        tables[role] = name
    if not strategy.tables and strategy.kind == "collaborative_filtering" and "user_recommended" in own.files:
        tables["user_recommended"] = "user_recommended"
    return Source(strategy.name, strategy.kind, strategy.recall_count, tables, strategy.weight, strategy.is_fallback)


def _default_sources(own: ModelTables) -> list[Source]:
    """What the model is best at, then topics, then what is popular."""
    popular = Source(DEFAULT_NAMES["custom"], "custom", DEFAULT_RECALL, {"item": POPULAR}, is_fallback="user_recommended" in own.files)
    if not popular.is_fallback:
        return [popular]
    tables: dict[str, str] = {role: role for role in ("user_recommended", "user_item", "item_item") if role in own.files}
    found = [Source(DEFAULT_NAMES["collaborative_filtering"], "collaborative_filtering", DEFAULT_RECALL, tables)]
    if "topic_item" in own.files:
        semantic = {role: role for role in TABLES_OF["semantic"]}
        found.append(Source(DEFAULT_NAMES["semantic"], "semantic", DEFAULT_RECALL, semantic, is_fallback=True))
    return [*found, popular]


def own_table(strategy: Strategy | Filter, table: str) -> TableFile | None:
    """The file that a strategy or filter names for this table."""
    file = strategy.tables.get(table) if isinstance(strategy, Strategy) else strategy.table if strategy.kind == table else None
    return _dropped(strategy.project, file, table, table) if file else None


def _dropped(project: str, file: dict[str, str], table: str, name: str) -> TableFile:
    return TableFile("data", ExampleKey(project, file["dataset"], file["path"]).key, table, name)
