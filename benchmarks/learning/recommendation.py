"""Recommendation: what validation chooses, beside every candidate in hindsight, and beside `implicit` in the same run.

    python -m benchmarks.learning.recommendation --data FILE --budget 120 --seeds 3 [--peer implicit]

A quarter of each user's interactions (drawn at random, or the latest with --by-time) is the test; the trainer sees the rest only.
`implicit` is not a dependency of the project: install it where this runs.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.recommendation.columns import Wanted
from droplearn.scenarios.recommendation.interactions import Interactions
from droplearn.scenarios.recommendation.metrics import AT, list_metrics
from droplearn.scenarios.recommendation.reading import read_drop
from droplearn.scenarios.recommendation.serving import TableRecommender
from droplearn.scenarios.recommendation.splitting import held_out
from droplearn.scenarios.recommendation.training.ground import Ground
from droplearn.scenarios.recommendation.training.plan import CHEAP, DEPTH, FINE, USUAL, refinements
from droplearn.scenarios.recommendation.training.selection import Question, ranked_lists
from droplearn.scenarios.tables.source import TableSource

TEST_FRACTION = 0.25
SERVED, PEER = "chosen by validation, served", "implicit"
ALS = ((64, 0.05, 1), (32, 5, 10), (64, 20, 20), (48, 10, 5), (32, 10, 2), (16, 1, 5), (64, 30, 5), (128, 30, 10), (128, 60, 5))
"""Factors, regularisation, alpha."""
NEIGHBOURS = (20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Part:
    """One split."""

    train: Interactions
    question: Question

    def metrics(self, lists: list[list[Any]], relevant: list[list[Any]] | None = None) -> dict[str, float]:
        return list_metrics(lists, relevant or self.question.relevant, len(np.unique(self.train.item)))


def main() -> None:
    options = _options()
    log = read_drop([TableSource(options.data.name, options.data)], Wanted()).log
    log = log if options.by_time else replace(log, time=log.time if options.keep_times else None)
    print(f"{options.data.name}: {len(log):,} pairs, {len(log.users):,} users, {len(log.items):,} items; load {os.getloadavg()[0]:.1f}")
    rows: dict[str, dict[int, dict[str, float]]] = {}
    chosen = []
    for seed in range(options.seeds):
        part = split(log, seed, by_time=options.by_time)
        name, metrics = ours(part, options.budget, options.preset, seed)
        chosen.append(name)
        rows.setdefault(SERVED, {})[seed] = metrics
        for name, metrics in hindsight(part, seed):
            rows.setdefault(name, {})[seed] = metrics
        for name, metrics in implicit_models(part, seed) if options.peer == "implicit" else ():
            rows.setdefault(f"{PEER}: {name}", {})[seed] = metrics
    print_table(rows, chosen)


def split(log: Interactions, seed: int, *, by_time: bool) -> Part:
    mask = held_out(log if by_time else replace(log, time=None), TEST_FRACTION, seed)
    return Part(log.only(~mask), Question.of(log.only(mask), seed))


def ours(part: Part, budget_s: int, preset: str, seed: int) -> tuple[str, dict[str, float]]:
    """The whole training as a process; what its tables recommend."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "drop"
        folder.mkdir()
        write_log(folder / "interactions.csv", part.train)
        settings = TaskSettings(max_runtime_s=budget_s, preset=preset, seed=seed)  # type: ignore[arg-type]
        version, examples = freeze_folder(folder, "recommendation", settings)
        job = LocalJob(Path(scratch) / "job", "recommendation")
        job.write_channel(version, examples, folder)
        job.write_request(settings, version.version_id)
        started = time.monotonic()
        if job.run("train"):
            raise SystemExit(job.log.read_text())
        seconds = time.monotonic() - started
        model = TableRecommender(job.model, job.manifest)
        lists = [model.recommend(part.train.users[user], AT) for user in part.question.users]
        relevant = [[part.train.items[item] for item in wanted] for wanted in part.question.relevant]
        return str(job.manifest.preprocessing["model"]), part.metrics(lists, relevant) | {"seconds": seconds}


def write_log(file: Path, log: Interactions) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["user_id", "item_id", "rating"] + ["timestamp"] * (log.time is not None))
        times = [] if log.time is None else [log.time.tolist()]
        rows = zip(log.user.tolist(), log.item.tolist(), log.weight.tolist(), *times, strict=True)
        writer.writerows([log.users[user], log.items[item], *rest] for user, item, *rest in rows)


def hindsight(part: Part, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Every candidate, fitted on all that the trainer saw and scored on the test."""
    ground = Ground(part.train, DEPTH["high_performance"], seed, lambda: None)
    best, best_score, tried = CHEAP[0][0], 0.0, []
    stages = [*CHEAP, *USUAL, *FINE["high_accuracy"]]
    while stages:
        for stage in stages:
            started = time.monotonic()
            for setting, model in zip(stage, ground.fit(stage), strict=True):
                lists = ranked_lists(model, ground, setting, part.question.users, excludes_history=True)
                metrics = part.metrics(lists) | {"seconds": (time.monotonic() - started) / len(stage)}
                tried.append(setting)
                yield setting.name, metrics
                if metrics["ndcg_at_10"] > best_score:
                    best, best_score = setting, metrics["ndcg_at_10"]
        stages = refinements(best, tried, has_weights=part.train.is_weighted)


def implicit_models(part: Part, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
    """The peer's own models, a few settings each, ranked as ours are."""
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender

    matrix = part.train.matrix()
    for factors, regularization, alpha in ALS:
        model = AlternatingLeastSquares(
            factors=factors, regularization=regularization, alpha=alpha, iterations=15, random_state=seed, num_threads=1
        )
        yield f"ALS {factors} factors, {regularization}, {alpha}", peer_metrics(part, model, matrix)
    for factors, rate in ((64, 0.05), (128, 0.01)):
        model = BayesianPersonalizedRanking(factors=factors, learning_rate=rate, iterations=200, random_state=seed, num_threads=1)
        yield f"BPR {factors} factors, {rate}", peer_metrics(part, model, matrix)
    for kind in (BM25Recommender, CosineRecommender, TFIDFRecommender):
        for neighbours in NEIGHBOURS:
            yield f"{kind.__name__} {neighbours}", peer_metrics(part, kind(K=neighbours, num_threads=1), matrix)


def peer_metrics(part: Part, model: Any, matrix: Any) -> dict[str, float]:
    started = time.monotonic()
    model.fit(matrix, show_progress=False)
    seconds = time.monotonic() - started
    users = np.array(part.question.users)
    items, _ = model.recommend(users, matrix[users], N=AT, filter_already_liked_items=True)
    return part.metrics(items.tolist()) | {"seconds": seconds}


def print_table(rows: dict[str, dict[int, dict[str, float]]], chosen: list[str]) -> None:
    names = ("ndcg_at_10", "recall_at_10", "precision_at_10", "coverage", "seconds")

    def mean(row: str, name: str) -> float:
        return float(np.mean([m[name] for m in rows[row].values()]))

    print(f"{'':58s}" + "".join(f"{name:>17s}" for name in names) + "   spread of ndcg_at_10, seeds")
    for row in sorted(rows, key=lambda r: -mean(r, "ndcg_at_10")):
        scores = [m["ndcg_at_10"] for m in rows[row].values()]
        told = f"   {min(scores):.4f} to {max(scores):.4f}, {len(scores)}"
        print(f"{row:58s}" + "".join(f"{mean(row, name):17.4f}" for name in names) + told)
    served = {seed: metrics["ndcg_at_10"] for seed, metrics in rows.pop(SERVED).items()}
    print(f"chosen: {', '.join(chosen)}")
    own, peers = ([found for row, found in rows.items() if row.startswith(PEER) is is_peer] for is_peer in (False, True))
    print(f"share of the best candidate in hindsight, seed by seed: {', '.join(f'{served[s] / best(own, s):.4f}' for s in served)}")
    if peers:
        print(f"above {PEER}'s best, seed by seed: {', '.join(f'{served[s] - best(peers, s):+.4f}' for s in served)}")


def best(rows: list[dict[int, dict[str, float]]], seed: int) -> float:
    return max(found[seed]["ndcg_at_10"] for found in rows if seed in found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a table of interactions")
    parser.add_argument("--budget", type=int, default=120, help="max runtime of one training, seconds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="high_performance")
    parser.add_argument("--peer", choices=["implicit"])
    parser.add_argument("--by-time", action="store_true", help="the latest quarter of each user is the test")
    parser.add_argument("--keep-times", action="store_true", help="with a random test, too, the trainer sees times")
    return parser.parse_args()


if __name__ == "__main__":
    main()
