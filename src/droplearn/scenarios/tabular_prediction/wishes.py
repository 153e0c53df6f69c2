"""What a task asks for: target, problem, metric, columns. Names are checked against the table, before the job and in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.scenario import TableColumns
from droplearn.scenarios.tabular_prediction.spec import CLASSIFICATION_METRICS, REGRESSION_METRICS, SPEC


@dataclass(frozen=True)
class Wishes:
    """Options, with the default target filled in."""

    target: str
    problem: str
    metric: str
    ignored: tuple[str, ...]
    kept: tuple[str, ...]


def wishes_of(settings: TaskSettings, names: Sequence[str]) -> Wishes:
    """Raises InvalidRequest (`option.unknown_column`, `option.invalid`)."""
    given = {option.name: settings.options.get(option.name, option.default) for option in SPEC.options}
    target = _find(str(given["target"] or names[-1]), names, "target")
    ignored = _columns(str(given["ignore_columns"] or ""), names, "ignore_columns")
    kept = _columns(str(given["keep_columns"] or ""), names, "keep_columns")
    if target in ignored:
        raise InvalidRequest("option.invalid", f"The target {target!r} cannot be ignored.", hint="Change target or ignore_columns.")
    problem, metric = str(given["problem"]), str(given["metric"])
    check_metric(problem, metric)
    return Wishes(target, problem, metric, ignored, kept)


def check_columns(settings: TaskSettings, columns: TableColumns) -> None:
    """All tables of a dataset have the same columns. Raises as wishes_of."""
    if columns.known:
        wishes_of(settings, columns.known[min(columns.known)])


def check_metric(problem: str, metric: str) -> None:
    """Raises InvalidRequest when they contradict each other."""
    of_others = {"classification": REGRESSION_METRICS, "regression": CLASSIFICATION_METRICS}
    if metric in of_others.get(problem, ()):
        raise InvalidRequest("option.invalid", f"{metric} is no metric of {problem}.", hint="Change option metric or option problem.")


def _columns(text: str, names: Sequence[str], option: str) -> tuple[str, ...]:
    """Names may hold commas: a whole match counts first."""
    if text.strip() in names:
        return (text.strip(),)
    return tuple(_find(part.strip(), names, option) for part in text.split(",") if part.strip())


def _find(wanted: str, names: Sequence[str], option: str) -> str:
    """By its name; else by it without regard to case, when only one fits."""
    if wanted in names:
        return wanted
    alike = [name for name in names if name.casefold() == wanted.strip().casefold()]
    if len(alike) == 1:
        return alike[0]
    shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
    raise InvalidRequest("option.unknown_column", f"Option {option}: there is no column {wanted!r}.", hint=f"The columns are: {shown}.")
