"""What a training learns from: the rows of all tables of the dataset, their target, their plan and their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.contracts.dataset import MAX_LISTED_PROBLEMS, HealthProblem, HealthReport
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.learning import ExampleSource, TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.tables.source import TableReport
from droplearn.scenarios.tabular_prediction.columns.frame import Frame, frame_of_table
from droplearn.scenarios.tabular_prediction.columns.plan import Features, Plan
from droplearn.scenarios.tabular_prediction.training.leaks import drop_repetitions
from droplearn.scenarios.tabular_prediction.training.problem import Problem, make_problem
from droplearn.scenarios.tabular_prediction.training.profile import Told, make_plan
from droplearn.scenarios.tabular_prediction.training.reading import ReadRows, read_rows
from droplearn.scenarios.tabular_prediction.training.target import Target, read_target
from droplearn.scenarios.tabular_prediction.wishes import Wishes, wishes_of


@dataclass(frozen=True)
class LearningRows:
    """`features`, `problem` and `contents` have one entry for each row that is learnt from; `numbers` are these rows' places in the tables
    (joined, from 0; the base model's rows first). `test`: rows kept away from all training, as a frame, with their places and targets.
    """

    plan: Plan
    features: Features
    problem: Problem
    target: Target
    contents: Integers
    numbers: Integers
    test: TestRows
    old_count: int
    warnings: Sequence[str]

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class TestRows:
    """May be none. `y`: as in the problem."""

    frame: Frame
    numbers: Integers
    y: Integers | Floats


def gather(context: TrainingContext) -> LearningRows:
    """Saves the health report, too. Raises InvalidDataset, InvalidRequest."""
    settings = context.request.settings
    table = read_rows(context.source, settings.seed)
    wishes = wishes_of(settings, table.data.column_names)
    told = Told(table.report.warnings())
    table, old_count = _with_old_rows(context, table, told)
    frame = frame_of_table(table.data)
    target = read_target(
        wishes.target, frame.columns[wishes.target], wishes.problem, wishes.metric, settings.labels, decimal_comma=table.has_decimal_comma
    )
    context.log.note(target.sentence)
    told.warnings.extend([f"{target.sentence} Option problem overrules it."] if target.is_guess else [])
    told.warnings.extend(target.warnings)
    try:
        return _learning_rows(context, wishes, table, frame, target, told, old_count)
    finally:
        context.store.save_health(_health(context.source, table.report, frame.count, len(target.rows), told))


def content_numbers(frame: Frame) -> Integers:
    """(N,) equal for rows whose cells are all equal."""
    import pandas as pd

    return pd.util.hash_pandas_object(pd.DataFrame(dict(frame.columns)), index=False).to_numpy().astype(np.int64)


def _learning_rows(
    context: TrainingContext, wishes: Wishes, table: ReadRows, frame: Frame, target: Target, told: Told, old_count: int
) -> LearningRows:
    settings = context.request.settings
    inputs = frame.without([wishes.target]).take(target.rows)
    problem = make_problem(target, wishes.metric)
    contents = content_numbers(inputs)
    is_test = _test_rows(problem, contents, settings.test_fraction, settings.seed)
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    shown = inputs.take(train)
    plan = make_plan(shown, decimal_comma=table.has_decimal_comma, ignored=wishes.ignored, kept=wishes.kept, told=told)
    known = Problem(problem.y[train], problem.label_count, problem.metric, problem.offset, problem.scale)
    plan = drop_repetitions(plan, shown, known, wishes.kept, told)
    if not plan.used:
        raise InvalidDataset(
            "dataset.no_columns",
            "No column is left to predict from.",
            hint="Every column is empty, constant or an ID: see the warnings; option keep_columns uses a column all the same.",
        )
    features, _ = plan.encode(shown, is_training=True)
    return LearningRows(
        plan=plan,
        features=features,
        problem=known,
        target=target,
        contents=contents[train],
        numbers=table.numbers[target.rows[train]],
        test=TestRows(inputs.take(test), table.numbers[target.rows[test]], problem.y[test]),
        old_count=old_count,
        warnings=told.warnings,
    )


def strata(problem: Problem) -> Integers:
    """(N,) what folds are spread evenly over: labels, or tenths of the numbers."""
    if problem.is_classification:
        return problem.y.astype(np.int64)
    return np.digitize(problem.y, np.quantile(problem.y, np.linspace(0, 1, 11)[1:-1])).astype(np.int64)


def _test_rows(problem: Problem, contents: Integers, fraction: float, seed: int) -> np.ndarray:
    if fraction <= 0:
        return np.zeros(len(contents), dtype=bool)
    folds = make_folds(strata(problem), [str(c) for c in contents.tolist()], seed, max(2, round(1 / fraction)))
    return folds.assigned == 0


def _with_old_rows(context: TrainingContext, table: ReadRows, told: Told) -> tuple[ReadRows, int]:
    """The base model's rows before the new ones: what it knew is learnt again."""
    import pyarrow as pa

    if context.base is None:
        return table, 0
    if context.base.source is None:
        told.add("The base model's rows are not there any more: this model learns from the new rows only.")
        return table, 0
    before = read_rows(context.base.source, context.request.settings.seed)
    old = before.data
    if set(old.column_names) != set(table.data.column_names):
        told.add("The base model's tables have other columns: this model learns from the new rows only.")
        return table, 0
    joined = pa.concat_tables([old.select(table.data.column_names).cast(table.data.schema), table.data])
    first_new = int(before.numbers[-1]) + 1
    numbers = np.concatenate([before.numbers, table.numbers + first_new])
    return ReadRows(joined, numbers, table.report, table.has_decimal_comma), first_new


def _health(source: ExampleSource, report: TableReport, row_count: int, used_count: int, told: Told) -> HealthReport:
    ragged = [
        HealthProblem(
            path=row.file, code="ragged_row", message=f"Line {row.line}: {row.found} cells, not {row.expected}.", is_excluded=True
        )
        for row in report.ragged[:MAX_LISTED_PROBLEMS]
    ]
    counts = {"ragged_row": report.ragged_count, "no_target": row_count - used_count}
    return HealthReport(
        version_id=source.version.version_id,
        checked_count=row_count + report.ragged_count,
        excluded_count=sum(counts.values()),
        problem_counts={code: count for code, count in counts.items() if count},
        problems=ragged,
        warnings=told.warnings,
    )
