"""An answer -> rows of the summary, and the running sums over all rows. Pure; sums are JSON, so that a later Lambda goes on with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from droplearn.contracts.batch import BatchInput, ResultRow
from droplearn.contracts.evaluation import LabelReport

NO_ANSWER, UNREADABLE = "no_answer", "unreadable_answer"
_TABLE = "table_common"
MAX_COUNTED_LABELS = 10_000
"""Different ones: texts that were read are as many as there are pages, and the sums are kept in memory."""


def rows_of(given: BatchInput, answer: Any) -> list[ResultRow]:
    """`answer`: the parsed result; None: there is none. Nothing found in a picture is one row without a label."""
    if answer is None:
        return [_failed(given, NO_ANSWER, "The transform gave no answer about this object.")]
    try:
        if not answer["success"]:
            return [_failed(given, f"{answer['errorCode']} {answer['errorMsg']}", answer.get("detail"))]
        output = answer["result"]["output"][0]
        entries = output["body"]
        shown = entries[:1] if _is_ranking(output["type"], entries) else entries
        made = [_row(given, item, entry) for item, entry in enumerate(shown)]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        return [_failed(given, UNREADABLE, f"The result is no prediction: {type(error).__name__}.")]
    return made or [ResultRow(file=given.key, true_label=given.label)]


def _is_ranking(kind: str, entries: Sequence[Mapping[str, Any]]) -> bool:
    """All labels of one thing, the best first; not several things or rows."""
    return kind != _TABLE and all("pos" not in entry and "value" not in entry for entry in entries)


def _row(given: BatchInput, item: int, entry: Mapping[str, Any]) -> ResultRow:
    label = entry["label"] if "label" in entry else entry["value"]
    return ResultRow(file=given.key, item=item, label=label, score=entry.get("conf"), true_label=given.label)


def _failed(given: BatchInput, error: str, detail: str | None) -> ResultRow:
    return ResultRow(file=given.key, error=error, detail=detail, true_label=given.label)


class Sums:
    """`pairs`: (true label, predicted label) of files that have one of each."""

    def __init__(self, told: Mapping[str, Any] | None = None) -> None:
        told = told or {}
        self.files, self.rows = int(told.get("files", 0)), int(told.get("rows", 0))
        self.failures, self.labels = Counter(told.get("failures", {})), Counter(told.get("labels", {}))
        self.pairs = Counter({(true, predicted): n for true, predicted, n in told.get("pairs", [])})

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        pairs = [[true, predicted, n] for (true, predicted), n in self.pairs.items()]
        return {"files": self.files, "rows": self.rows, "failures": dict(self.failures), "labels": dict(self.labels), "pairs": pairs}

    def add(self, rows: Sequence[ResultRow], known_labels: frozenset[str]) -> None:
        """The rows of one file. `known_labels`: those that the model can give; a file of another cannot be scored."""
        self.files, self.rows = self.files + 1, self.rows + len(rows)
        first = rows[0]
        if first.error is not None:
            self.failures[first.error] += 1
            return
        self._count(row.label for row in rows if isinstance(row.label, str))
        if len(rows) == 1 and first.true_label in known_labels and isinstance(first.label, str):
            self.pairs[str(first.true_label), first.label] += 1

    def _count(self, labels: Iterable[str]) -> None:
        for label in labels:
            if label in self.labels or len(self.labels) < MAX_COUNTED_LABELS:
                self.labels[label] += 1

    @property
    def failed(self) -> int:
        """Files without an answer."""
        return sum(self.failures.values())


def label_reports(pairs: Mapping[tuple[str, str], int]) -> list[LabelReport]:
    """Each label that occurs, against the rest; a ratio whose denominator is 0 counts as 0."""
    support, predicted, right = Counter[str](), Counter[str](), Counter[str]()
    for (true, given), n in pairs.items():
        support[true] += n
        predicted[given] += n
        right[true] += n if true == given else 0
    return [
        LabelReport(
            label=label,
            support=support[label],
            predicted=predicted[label],
            precision=_ratio(right[label], predicted[label]),
            recall=_ratio(right[label], support[label]),
            f1=_ratio(2 * right[label], support[label] + predicted[label]),
        )
        for label in sorted(support | predicted)
    ]


def metrics_of(pairs: Mapping[tuple[str, str], int]) -> dict[str, float]:
    """Named and averaged as in an evaluation: macro averages run over the labels that occur in truth."""
    total = sum(pairs.values())
    if not total:
        return {}
    occurring = [report for report in label_reports(pairs) if report.support]
    count = len(occurring)
    return {
        "top1_accuracy": _ratio(sum(n for (true, given), n in pairs.items() if true == given), total),
        "macro_precision": sum(r.precision for r in occurring) / count,
        "macro_recall": sum(r.recall for r in occurring) / count,
        "macro_f1": sum(r.f1 for r in occurring) / count,
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
