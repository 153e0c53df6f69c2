"""Fits a candidate again on everything that may be learnt from, and saves it as tables with its figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from droplearn.contracts.model import BaseModelComparison, StopReason
from droplearn.contracts.recommendation import POPULAR
from droplearn.scenarios.learning import DraftFile, ModelDraft
from droplearn.scenarios.recommendation.metrics import list_metrics
from droplearn.scenarios.recommendation.recommenders.neighbours import Neighbours
from droplearn.scenarios.recommendation.recommenders.ranking import Recommender
from droplearn.scenarios.recommendation.training import table_files as tables
from droplearn.scenarios.recommendation.training.ground import Ground, Setting
from droplearn.scenarios.recommendation.training.selection import Question, Tried, ranked_lists
from droplearn.scenarios.recommendation.training.topic_tables import Topics

if TYPE_CHECKING:
    from droplearn.scenarios.recommendation.training.recipe import Run

HELD_OUT_FILE = "held_out.jsonl"
_USUAL_NEIGHBOURS = Setting("rp3beta", (0.3,))


class Figures(NamedTuple):
    """What the model is known to reach, and on which lists."""

    protocol: str
    metrics: dict[str, float]
    question: Question
    lists: list[list[int]]


class Saver:
    """Of one training."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._comparison: BaseModelComparison | None = None

    def save(self, setting: Setting, reason: StopReason, *, is_final: bool) -> None:
        """Raises StoppedEarly."""
        run = self._run
        ground = Ground(run.log, run.depth, run.settings.seed, run.check)
        recommender = ground.fit([setting])[0]
        tried = next(t for t in run.selection.tried if t.setting == setting)
        figures = self._figures(ground, setting, recommender, tried, is_final=is_final)
        files = self._tables(ground, setting, recommender, is_final=is_final)
        comparison: Any = run.comparison() if is_final else None
        run.context.store.save(
            ModelDraft(
                files=[*files, self._held_out(figures)],
                labels=[],
                inputs=[],
                outputs=[],
                metrics={f"valid_{name}": value for name, value in tried.metrics.items()} | figures.metrics,
                metrics_protocol="test_split" if figures.protocol == "test_split" else "validation",
                stop_reason=reason,
                candidates=run.selection.candidates(setting),
                preprocessing=self._told(ground, setting, files),
                base_model=comparison,
                warnings=self._warnings(comparison),
            ),
            is_final=is_final,
        )

    def _figures(self, ground: Ground, setting: Setting, recommender: Recommender, tried: Tried, *, is_final: bool) -> Figures:
        """Of the refitted model on the test split where there is one; else what validation found."""
        run = self._run
        if not run.is_test.any() or not is_final:
            return Figures("validation", {}, run.selection.question, tried.lists)
        question = Question.of(run.drop.log.only(run.is_test), run.settings.seed)
        lists = ranked_lists(recommender, ground, setting, question.users, excludes_history=run.excludes_history)
        metrics = list_metrics(lists, question.relevant, len(ground.log.items))
        return Figures("test_split", {f"test_{name}": value for name, value in metrics.items()}, question, lists)

    def _tables(self, ground: Ground, setting: Setting, recommender: Recommender, *, is_final: bool) -> list[DraftFile]:
        log, run = ground.log, self._run
        rows = {
            "user_item": tables.user_item(log),
            POPULAR: tables.popular(log, ground.popularity),
        }
        if setting.family != "popularity" or is_final:  # strategies may want neighbours whatever the model is
            rows["item_item"] = tables.item_item(log, self._neighbours(ground, setting, recommender).weights)
        if setting.family != "popularity":
            rows["user_recommended"] = tables.user_recommended(
                log,
                recommender,
                ground.history(setting),
                ground.popularity,
                run.depth,
                excludes_history=run.excludes_history,
                check=run.check,
            )
        if (topics := Topics(log, run.drop.topics)).names:
            rows["user_topic"] = topics.user_topic(ground.weighted)
            rows["topic_item"] = topics.topic_item(ground.popularity)
        return [tables.table_file(name, texts) for name, texts in rows.items()]

    def _neighbours(self, ground: Ground, setting: Setting, recommender: Recommender) -> Neighbours:
        """Item-Item is RP3beta's, with the beta that validation likes best: for lists of similar items it is the best of all."""
        if setting.family == "rp3beta" and isinstance(recommender, Neighbours):
            return recommender
        best = self._run.selection.best_of("rp3beta")
        found = ground.fit([best.setting._replace(is_weighted=False) if best else _USUAL_NEIGHBOURS])[0]
        assert isinstance(found, Neighbours)  # noqa: S101 (rp3beta is)
        return found

    def _held_out(self, figures: Figures) -> DraftFile:
        """A line a user: what the evaluation scores."""
        log = self._run.drop.log
        lines = [json.dumps({"protocol": figures.protocol, "item_count": len(log.items), "user_count": len(figures.question.users)})]
        for user, shown, wanted in zip(figures.question.users, figures.lists, figures.question.relevant, strict=True):
            told = {
                "user_id": log.users[user],
                "recommended": [log.items[i] for i in shown],
                "relevant": [log.items[i] for i in wanted],
            }
            lines.append(json.dumps(told, ensure_ascii=False))
        return DraftFile(HELD_OUT_FILE, "held_out_predictions", "\n".join(lines).encode() + b"\n")

    def _told(self, ground: Ground, setting: Setting, files: list[DraftFile]) -> dict[str, Any]:
        return {
            "model": setting.name,
            "tables": dict(tables.row_counts(files)),
            "exclude_seen": self._run.excludes_history,
            "columns": {name: column for name, column in vars(self._run.reading()[0]).items() if column},
            "min_weight": self._run.reading()[1],
            "pairs": len(ground.log),
            "users": len(ground.log.users),
            "items": len(ground.log.items),
        }

    def _warnings(self, comparison: BaseModelComparison | None) -> list[str]:
        told = []
        if skipped := self._run.selection.skipped:
            told.append(f"Not tried for want of time: {', '.join(c.name for c in skipped)}. Allow a longer max_runtime_s.")
        if comparison is not None and comparison.has_fallen:
            told.append(
                f"On new interactions the base model was better: nDCG@10 {comparison.accuracy_before:.3f} before, "
                f"{comparison.accuracy_after:.3f} after."
            )
        if comparison is not None and not comparison.example_count:
            told.append("Nothing new was held out of users whom the base model knows: it could not be compared.")
        return told
