"""How well tables are learnt: `python -m benchmarks.learning.tables --data FILE --target COLUMN --budget 300 --folds 5 --seeds 3`.

Runs the trainer and the evaluator as processes on each part of the table, and beside them peers on the same parts: CatBoost with its
defaults, and, where they are installed, AutoGluon and FLAML with the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import freeze_folder
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.tabular_prediction.metrics import classification_scores, regression_scores

SCENARIO = "tabular_prediction"
Scores = dict[str, float]


def main() -> None:
    options = _options()
    table = pd.read_csv(options.data, low_memory=False)
    results: dict[str, list[Scores]] = defaultdict(list)
    for seed in range(options.seed, options.seed + options.seeds):
        assigned = _folds(table[options.target], options.folds, seed)
        for fold in range(options.folds if not options.only_folds else options.only_folds):
            train, test = table[assigned != fold], table[assigned == fold]
            for name, run in _contenders(options).items():
                started = time.monotonic()
                scores = run(train, test, options, seed)
                scores["seconds"] = time.monotonic() - started
                results[name].append(scores)
                shown = "  ".join(f"{key} {value:,.4f}" for key, value in scores.items())
                print(f"seed {seed} fold {fold} {name:>10}  {shown}  load {os.getloadavg()[0]:.1f}", flush=True)
    for name, found in results.items():
        for metric in found[0]:
            values = np.array([scores[metric] for scores in found])
            print(f"{name:>10} {metric:>12} mean {values.mean():,.4f}  from {values.min():,.4f} to {values.max():,.4f}  over {len(values)}")
        for metric in found[0]:
            means = np.array([scores[metric] for scores in found]).reshape(options.seeds, -1).mean(axis=1)
            print(f"{name:>10} {metric:>12} by seed: {', '.join(f'{mean:,.4f}' for mean in means)}")


def ours(train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace, seed: int) -> Scores:
    """The trainer, then the evaluator on rows that it has not seen."""
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("train", "test")}
        for (name, folder), part in zip(folders.items(), (train, test), strict=True):
            folder.mkdir()
            part.to_csv(folder / f"{name}.csv", index=False)
        settings = TaskSettings(
            preset=options.preset,
            max_runtime_s=options.budget,
            seed=seed,
            options={"target": options.target} | ({"metric": options.metric} if options.metric else {}),
        )
        job = LocalJob(Path(scratch) / "job", SCENARIO)
        version, examples = freeze_folder(folders["train"], SCENARIO, settings)
        job.write_channel(version, examples, folders["train"])
        job.write_request(settings, version.version_id)
        if job.run("train"):
            sys.exit(job.log.read_text())
        print(f"our training ended: {job.manifest.stop_reason}", flush=True)
        if options.log:
            print(job.log.read_text())
            print("\n".join(f"{c.name}: {c.metrics} {c.reason}" for c in job.manifest.candidates))
        other, rows = freeze_folder(folders["test"], SCENARIO, settings)
        job.write_evaluation(job.model, other, rows, folders["test"], "all_examples")
        if job.run("evaluate"):
            sys.exit(job.log.read_text())
        return dict(job.report.metrics)


def catboost(train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace, seed: int) -> Scores:
    """Its defaults; text columns as categories."""
    import catboost as library

    features = [name for name in train if name != options.target]
    words = [name for name in features if not pd.api.types.is_numeric_dtype(train[name])]
    inputs = [part[features].assign(**{name: part[name].astype(str) for name in words}) for part in (train, test)]
    kind = library.CatBoostRegressor if _is_regression(train, options) else library.CatBoostClassifier
    model = kind(cat_features=words, verbose=0, allow_writing_files=False, random_seed=seed, thread_count=_cores())
    model.fit(inputs[0], train[options.target])
    if _is_regression(train, options):
        return regression_scores(test[options.target].to_numpy(float), model.predict(inputs[1]))
    return _classified(test[options.target], model.predict_proba(inputs[1]), model.classes_)


def autogluon(train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace, seed: int) -> Scores:
    """Preset best_quality in the same time."""
    from autogluon.tabular import TabularPredictor

    is_regression = _is_regression(train, options)
    metric = "root_mean_squared_error" if is_regression else "roc_auc" if train[options.target].nunique() == 2 else "log_loss"
    with tempfile.TemporaryDirectory() as folder:
        model = TabularPredictor(label=options.target, path=folder, verbosity=0, eval_metric=metric)
        model.fit(train, presets="best_quality", time_limit=options.budget, num_cpus=_cores(), dynamic_stacking=False)
        if is_regression:
            return regression_scores(test[options.target].to_numpy(float), model.predict(test).to_numpy(float))
        answers = model.predict_proba(test)
        return _classified(test[options.target], answers.to_numpy(), np.array(answers.columns))


def flaml(train: pd.DataFrame, test: pd.DataFrame, options: argparse.Namespace, seed: int) -> Scores:
    """Its defaults in the same time."""
    from flaml import AutoML

    is_regression = _is_regression(train, options)
    model = AutoML()
    model.fit(
        X_train=train.drop(columns=options.target),
        y_train=train[options.target],
        task="regression" if is_regression else "classification",
        metric="rmse" if is_regression else "roc_auc" if train[options.target].nunique() == 2 else "log_loss",
        time_budget=options.budget,
        n_jobs=_cores(),
        verbose=0,
        seed=seed,
    )
    inputs = test.drop(columns=options.target)
    if is_regression:
        return regression_scores(test[options.target].to_numpy(float), np.asarray(model.predict(inputs), float))
    return _classified(test[options.target], model.predict_proba(inputs), model.classes_)


def _classified(truth: pd.Series, answers: np.ndarray, labels: np.ndarray) -> Scores:  # type: ignore[type-arg]
    order = {label: place for place, label in enumerate(labels)}
    y = truth.map(order).to_numpy()
    return classification_scores(y, np.asarray(answers), np.asarray(answers).argmax(axis=1))


def _contenders(options: argparse.Namespace) -> dict[str, Callable[[pd.DataFrame, pd.DataFrame, argparse.Namespace, int], Scores]]:
    known = {"catboost": catboost, "autogluon": autogluon, "flaml": flaml}
    return {"ours": ours} | {name: known[name] for name in options.peers.split(",") if name}


def _folds(target: pd.Series, count: int, seed: int) -> Any:  # type: ignore[type-arg]
    """Stratified; rows without a target are in the first part and dropped by everybody."""
    codes = pd.qcut(target, 10, labels=False, duplicates="drop") if target.nunique() > 20 else pd.Series(pd.factorize(target)[0])
    return make_folds(codes.fillna(0).to_numpy().astype(int), [str(i) for i in range(len(target))], seed, count).assigned


def _is_regression(train: pd.DataFrame, options: argparse.Namespace) -> bool:
    return options.regression or (pd.api.types.is_float_dtype(train[options.target]) and train[options.target].nunique() > 2)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file")
    parser.add_argument("--target", required=True)
    parser.add_argument("--metric", default="", help="what models are chosen by")
    parser.add_argument("--regression", action="store_true", help="peers take a target of whole numbers for a number")
    parser.add_argument("--budget", type=int, default=300, help="max runtime of one training, seconds")
    parser.add_argument("--folds", type=int, default=5, help="one of these parts is held out")
    parser.add_argument("--only-folds", type=int, default=0, help="hold out so many of the parts only")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--preset", default="high_performance")
    parser.add_argument("--peers", default="", help="catboost,autogluon,flaml")
    parser.add_argument("--log", action="store_true", help="print what the trainer printed")
    options = parser.parse_args()
    for name in options.peers.split(","):
        if name:
            __import__({"autogluon": "autogluon.tabular"}.get(name, name))
    print(json.dumps({key: str(value) for key, value in vars(options).items()}))
    return options


if __name__ == "__main__":
    main()
