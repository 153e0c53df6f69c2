"""Rows with the model's answers: those that the trainer held out, or those of other tables that the model is run on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import EvaluationProtocol
from droplearn.scenarios.learning import EvaluationContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tables.layout import table_sources
from droplearn.scenarios.tables.source import MISSING_WORDS
from droplearn.scenarios.tables.stream import read_table
from droplearn.scenarios.tabular_prediction.columns.frame import Column, Frame, frame_of_table
from droplearn.scenarios.tabular_prediction.columns.values import Mask, as_numbers, as_texts
from droplearn.scenarios.tabular_prediction.members.ensemble import Pipeline
from droplearn.scenarios.tabular_prediction.serving import load_runner

HELD_OUT_FILE = "held_out.parquet"
CHUNK = 50_000
_PROTOCOLS: dict[str, EvaluationProtocol] = {
    "validation": "held_out_validation",
    "cross_validation": "cross_validation",
    "test_split": "test_split",
}


@dataclass(frozen=True)
class Scored:
    """`rows`: places in the tables, from 0. `y`: label indices or numbers; `answers`: (N, K) or (N, 1)."""

    rows: Integers
    y: Integers | Floats
    answers: Floats
    protocol: EvaluationProtocol
    skipped: Counter[str]
    warnings: tuple[str, ...] = ()


def read_held_out(folder: Path, pipeline: Pipeline) -> Scored:
    """held_out.parquet, as the trainer wrote it."""
    import pyarrow.parquet

    file = folder / HELD_OUT_FILE
    if not file.exists():
        return Scored(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 1)), "held_out_validation", Counter())
    table = pyarrow.parquet.read_table(file)
    told = (table.schema.metadata or {}).get(b"protocol", b"validation").decode()
    rows = table["row"].to_numpy()
    if pipeline.problem == "regression":
        answers = table["predicted"].to_numpy().astype(np.float64)[:, None]
        return Scored(rows, table["target"].to_numpy().astype(np.float64), answers, _PROTOCOLS[told], Counter())
    index = {label: i for i, label in enumerate(pipeline.labels)}
    flat = table["probabilities"].combine_chunks().flatten().to_numpy().astype(np.float64)
    y = np.array([index[label] for label in table["target"].to_pylist()], dtype=np.int64)
    return Scored(rows, y, flat.reshape(len(rows), -1), _PROTOCOLS[told], Counter())


def run_on_tables(context: EvaluationContext, pipeline: Pipeline) -> Scored:
    """Raises InvalidDataset (`evaluation.missing_column`, and what reading tables raises)."""
    table = read_table(table_sources(context.source), missing=MISSING_WORDS)
    missing = [name for name in (*pipeline.plan.used, pipeline.target) if name not in table.data.column_names]
    if missing:
        raise InvalidDataset(
            "evaluation.missing_column",
            f"The tables lack columns that the model needs: {', '.join(missing[:10])}.",
            hint="Evaluate on tables with the columns of the training.",
        )
    frame = frame_of_table(table.data.select([*pipeline.plan.used, pipeline.target]))
    y, kept, skipped = _truth(frame.columns[pipeline.target], pipeline, decimal_comma=table.has_decimal_comma)
    if table.report.ragged_count:
        skipped["ragged_row"] = table.report.ragged_count
    inputs = frame.without([pipeline.target]).take(kept)
    answers, wrong = _run(context, pipeline, inputs)
    told = tuple(f"Column {name!r}: {count} cells of a wrong type counted as missing." for name, count in wrong.items())
    return Scored(kept, y, answers, "other_dataset", skipped, told)


def _run(context: EvaluationContext, pipeline: Pipeline, inputs: Frame) -> tuple[Floats, Counter[str]]:
    run = load_runner(context.model_folder, context.manifest, pipeline)
    answers: list[Floats] = [np.zeros((0, len(pipeline.labels) or 1))]
    wrong = Counter[str]()
    for start in range(0, inputs.count, CHUNK):
        found, problems = run(inputs.take(np.arange(start, min(start + CHUNK, inputs.count))))
        answers.append(found)
        _count(problems, wrong)
        context.log.progress("evaluate", min(start + CHUNK, inputs.count), inputs.count)
    return np.concatenate(answers), wrong


def _count(problems: Mapping[str, Mask], wrong: Counter[str]) -> None:
    for name, mask in problems.items():
        wrong[name] += int(mask.sum())


def _truth(column: Column, pipeline: Pipeline, *, decimal_comma: bool) -> tuple[Any, Integers, Counter[str]]:
    """Y of the rows that can be scored, these rows, and how many of the others there are, by reason."""
    texts = as_texts(column)
    skipped = Counter(no_target=sum(text is None for text in texts))
    if pipeline.problem == "regression":
        numbers, _ = as_numbers(column, "decimal_comma" if decimal_comma else "plain")
        kept = np.flatnonzero(~np.isnan(numbers))
        skipped["not_a_number"] = len(texts) - len(kept) - skipped["no_target"]
        return numbers[kept], kept, +skipped
    index = {label: i for i, label in enumerate(pipeline.labels)}
    kept = np.array([i for i, text in enumerate(texts) if text in index], dtype=np.int64)
    skipped["unknown_label"] = len(texts) - len(kept) - skipped["no_target"]
    return np.array([index[texts[i] or ""] for i in kept], dtype=np.int64), kept, +skipped
