"""What can be asked of an evaluation's files: curves, bad cases, and a comparison with another evaluation. No prediction is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.domain.comparison import mcnemar
from chalicelib.domain.cursors import decode_cursor, encode_cursor, invalid_cursor
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.records import Page
from chalicelib.ports import Platform
from chalicelib.service.finding import find_evaluation, find_model
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound
from droplearn.contracts.evaluation import BadCase, BadCaseGroup, BadCaseIndex, EvaluationCurves
from droplearn.contracts.s3_layout import dataset_prefix, evaluation_prefix
from droplearn.contracts.status import EvaluationStatus

_READ_AT_ONCE = 256 * 1024
LINK_S = 900
"""How long the link to an object is good."""
REPORT, CURVES, BAD_CASES, BAD_CASE_INDEX = "report.json", "curves.json", "bad_cases.jsonl", "bad_cases.json"


def read_file(platform: Platform, evaluation_id: str, name: str) -> bytes:
    """A file of the report.

    Raises NotFound (`evaluation.unknown`, `evaluation.report_gone`, `evaluation.not_of_this_kind`), Conflict (`evaluation.no_report_yet`).
    """
    evaluation = find_evaluation(platform, evaluation_id)
    if evaluation.status != EvaluationStatus.SUCCEEDED:
        raise Conflict(
            "evaluation.no_report_yet", f"The evaluation is {evaluation.status}: it has no report.", hint="Wait until it has succeeded."
        )
    body = platform.artifacts.read(key_of(evaluation_id, name))
    if body is not None:
        return body
    if name == REPORT:
        raise NotFound("evaluation.report_gone", "The report is no longer in the artifact bucket.", hint="Start the evaluation again.")
    raise NotFound("evaluation.not_of_this_kind", f"This evaluation has no {name}.", hint="Its scenario does not make one; see its report.")


def key_of(evaluation_id: str, name: str) -> str:
    """In the artifact bucket."""
    return f"{evaluation_prefix(evaluation_id)}report/{name}"


def read_curves(platform: Platform, evaluation_id: str) -> EvaluationCurves:
    """Raises what `read_file` raises."""
    return EvaluationCurves.from_json(read_file(platform, evaluation_id, CURVES))


def bad_cases(
    platform: Platform, evaluation_id: str, label: str | None, predicted: str | None, limit: int, cursor: str | None
) -> Page[BadCase]:
    """By label, predicted label and falling confidence. Only the bytes of a page are read, however many bad cases there are.

    Raises what `read_file` raises, and InvalidRequest (`cursor.invalid`).
    """
    groups = [g for g in bad_case_index(platform, evaluation_id).groups if label in (None, g.label) and predicted in (None, g.predicted)]
    first = _first_byte(cursor)
    found: list[BadCase] = []
    next_byte: int | None = None
    for group in groups:
        if len(found) >= limit:
            next_byte = next_byte if next_byte is not None else group.first_byte
            break
        more, next_byte = _of_group(platform, key_of(evaluation_id, BAD_CASES), group, max(first, group.first_byte), limit - len(found))
        found += more
    return Page(found, encode_cursor({"byte": str(next_byte)}) if next_byte is not None else None)


def bad_case_index(platform: Platform, evaluation_id: str) -> BadCaseIndex:
    """Where each group of bad cases lies. Raises what `read_file` raises."""
    return BadCaseIndex.from_json(read_file(platform, evaluation_id, BAD_CASE_INDEX))


class Place(NamedTuple):
    """Of a dataset."""

    project: str
    dataset: str


def dataset_of(platform: Platform, evaluation: Evaluation) -> Place:
    """The one that a person chose, else that of the model's training. Raises NotFound (`model.unknown`)."""
    if evaluation.dataset is not None:
        return Place(evaluation.dataset_project or evaluation.project, evaluation.dataset)
    model = find_model(platform, evaluation.model)
    return Place(model.project, model.dataset)


def links_to(platform: Platform, place: Place, paths: Sequence[str]) -> dict[str, str]:
    """By path. Whether an object is still there is not looked at: that would be the read that is to be saved."""
    return {path: platform.links.to_data(dataset_prefix(*place) + path, LINK_S) for path in dict.fromkeys(paths)}


def _first_byte(cursor: str | None) -> int:
    text = (decode_cursor(cursor, {"byte"}) or {"byte": "0"})["byte"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise invalid_cursor()
    return int(text)


def _of_group(platform: Platform, key: str, group: BadCaseGroup, first: int, limit: int) -> tuple[list[BadCase], int | None]:
    """At most `limit` lines from byte `first` on; where the next one begins, None when the group is at its end."""
    end, found = group.first_byte + group.byte_count, list[BadCase]()
    while first < end and len(found) < limit:
        lines = platform.artifacts.read_range(key, first, min(_READ_AT_ONCE, end - first)).split(b"\n")[:-1]
        if not lines:
            raise InvalidRequest("cursor.invalid", "The cursor is not one that this list gave.", hint="Begin without a cursor.")
        for line in lines[: limit - len(found)]:
            found.append(_case(line))
            first += len(line) + 1
    return found, first if first < end else None


def _case(line: bytes) -> BadCase:
    try:
        return BadCase.model_validate_json(line)
    except ValueError as error:  # a cursor of another list points into the middle of a line
        raise invalid_cursor() from error


@dataclass(frozen=True)
class Comparison:
    """Two models on the same examples. `metrics`: name -> (first, second)."""

    example_count: int
    only_first_wrong: int
    only_second_wrong: int
    both_wrong: int
    p_value: float
    metrics: dict[str, tuple[float, float]]


def compare(platform: Platform, first_id: str, second_id: str) -> Comparison:
    """Paired: by the examples that only one of the two gets wrong.

    Raises what `read_file` raises, and Conflict (`evaluation.not_comparable`).
    """
    first, second = find_evaluation(platform, first_id), find_evaluation(platform, second_id)
    one, other = (json.loads(read_file(platform, id_, REPORT)) for id_ in (first_id, second_id))
    if _examples(first, one) != _examples(second, other):
        raise Conflict(
            "evaluation.not_comparable",
            "The two evaluations are not over the same examples.",
            hint="Evaluate both models on the same dataset, without changing it in between.",
        )
    wrong, wrong_too = (_wrong_paths(platform, id_) for id_ in (first_id, second_id))
    only_first, only_second = len(wrong - wrong_too), len(wrong_too - wrong)
    shared = {name: (value, other["metrics"][name]) for name, value in one["metrics"].items() if name in other["metrics"]}
    return Comparison(
        one["example_count"], only_first, only_second, len(wrong & wrong_too), round(mcnemar(only_first, only_second), 6), shared
    )


def _examples(evaluation: Evaluation, report: dict[str, Any]) -> tuple[Any, ...]:
    """What decides which examples were scored."""
    return evaluation.dataset_version, report["protocol"], report["example_count"], report["scenario"]


def _wrong_paths(platform: Platform, evaluation_id: str) -> set[str]:
    read_file(platform, evaluation_id, BAD_CASE_INDEX)  # says clearly when there is none
    return {json.loads(line)["path"] for line in platform.artifacts.lines(key_of(evaluation_id, BAD_CASES)) if line}
