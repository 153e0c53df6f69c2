"""Scores a recommender: on lists that its trainer made while interactions were held out, or on the log of another dataset. No scipy."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import BadCase, EvaluationProtocol, EvaluationReport
from droplearn.scenarios.learning import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.reporting import make_report
from droplearn.scenarios.recommendation.columns import Wanted
from droplearn.scenarios.recommendation.intervals import user_intervals
from droplearn.scenarios.recommendation.metrics import AT, ListScores, list_metrics, score_lists
from droplearn.scenarios.recommendation.reading import read_drop
from droplearn.scenarios.recommendation.serving import TableRecommender
from droplearn.scenarios.tables.layout import table_sources

WANTED, MISSED, STRANGER = "an item among ten", "none", "none, the user is unknown"
"""Labels of the bad cases."""
_MOST_CHARACTERS = 100
HELD_OUT_FILE = "held_out.jsonl"
_PROTOCOLS: dict[str, EvaluationProtocol] = {"test_split": "test_split", "validation": "held_out_validation"}


class Scored(NamedTuple):
    """A list a user. `strangers`: users whom the model does not know."""

    users: list[str]
    recommended: list[list[str]]
    relevant: list[list[str]]
    protocol: EvaluationProtocol
    item_count: int
    strangers: frozenset[str] = frozenset()


def evaluate(context: EvaluationContext) -> EvaluationResult:
    """The report, one row of predictions a user, and the users who were missed. Raises InvalidDataset (`evaluation.no_examples`)."""
    started = monotonic()
    scored = _other_dataset(context) if context.request.source == "all_examples" else _held_out(context)
    if not scored.users:
        raise InvalidDataset(
            "evaluation.no_examples",
            "No user has items that the model could have been asked for.",
            hint="Evaluate on interactions that the model has not seen.",
        )
    scores = score_lists(scored.recommended, scored.relevant)
    report = _report(context, scored, scores, started)
    return EvaluationResult(report, _columns(scored, scores), bad_cases=_bad_cases(scored, scores))


def _held_out(context: EvaluationContext) -> Scored:
    with (context.model_folder / HELD_OUT_FILE).open(encoding="utf-8") as lines:
        head = json.loads(next(lines))
        rows = [json.loads(line) for line in lines]
    return Scored(
        [row["user_id"] for row in rows],
        [row["recommended"] for row in rows],
        [row["relevant"] for row in rows],
        _PROTOCOLS[head["protocol"]],
        head["item_count"],
    )


def _other_dataset(context: EvaluationContext) -> Scored:
    """What each user has in that dataset and had not when the model learnt."""
    told = context.manifest.preprocessing
    log = read_drop(table_sources(context.source), Wanted(**told.get("columns", {})), told.get("min_weight")).log
    model = TableRecommender(context.model_folder, context.manifest)
    wanted: dict[str, list[str]] = defaultdict(list)
    for user, item in zip(log.user.tolist(), log.item.tolist(), strict=True):
        if log.items[item] not in model.seen(log.users[user]):
            wanted[log.users[user]].append(log.items[item])
    users = list(wanted)
    lists = [model.recommend(user, AT) for user in users]
    strangers = frozenset(user for user in users if not model.seen(user))
    return Scored(users, lists, [wanted[user] for user in users], "other_dataset", int(context.manifest.preprocessing["items"]), strangers)


def _report(context: EvaluationContext, scored: Scored, scores: ListScores, started: float) -> EvaluationReport:
    metrics = list_metrics(scored.recommended, scored.relevant, scored.item_count)
    return make_report(
        context,
        scored.protocol,
        started,
        metrics,
        example_count=len(scored.users),
        bad_case_count=int((scores.precision == 0).sum()),
        intervals=user_intervals(scores),
        details={
            "unit": "users",
            "relevant_items_per_user": round(sum(map(len, scored.relevant)) / len(scored.users), 3),
            "item_count": scored.item_count,
            "model": context.manifest.preprocessing.get("model"),
        },
        warnings=_warnings(scored),
    )


def _warnings(scored: Scored) -> list[str]:
    if not scored.strangers:
        return []
    return [f"{len(scored.strangers)} of {len(scored.users)} users are unknown to the model: they were shown what is popular."]


def _bad_cases(scored: Scored, scores: ListScores) -> list[BadCase]:
    """Users none of whose items was among the first ten. `truth`: those items, `given`: what was recommended."""
    rows = zip(scored.users, scored.relevant, scored.recommended, scores.precision, strict=True)
    return [
        BadCase(
            path=user,
            label=WANTED,
            predicted=STRANGER if user in scored.strangers else MISSED,
            confidence=0.0,
            truth=_listed(relevant),
            given=_listed(recommended),
        )
        for user, relevant, recommended, precision in rows
        if precision == 0
    ]


def _listed(items: Sequence[str]) -> str:
    """The first ten, and how many more."""
    more = f", and {len(items) - AT} more" if len(items) > AT else ""
    return ", ".join(item[:_MOST_CHARACTERS] for item in items[:AT]) + more


def _columns(scored: Scored, scores: ListScores) -> dict[str, Any]:
    return {
        "user_id": scored.users,
        "recommended": scored.recommended,
        "relevant": scored.relevant,
        "ndcg_at_10": scores.ndcg,
        "recall_at_10": scores.recall,
        "correct": scores.precision > 0,
    }
