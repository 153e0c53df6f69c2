"""Scores a model: on pages that it reads now, or on what its trainer noted of each page while it was held out. No torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from droplearn.contracts.dataset import VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import EvaluationProtocol, EvaluationReport
from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.learning import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.reporting import held_out_lines, in_words, make_report
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.ocr.annotated import AnnotationReader
from droplearn.scenarios.ocr.bad_cases import bad_cases
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.fields.extractor import load_extractor
from droplearn.scenarios.ocr.fields.values import Kind
from droplearn.scenarios.ocr.intervals import page_intervals
from droplearn.scenarios.ocr.measures import PageResult, field_metrics, field_scores, is_right, line_metrics
from droplearn.scenarios.ocr.model_files import HELD_OUT_FILE, kinds_of, load_model, result_of
from droplearn.scenarios.ocr.records import make_record, truth_of


@dataclass(frozen=True)
class Scored:
    """Pages with what was found; what could not be scored, with the reason, is in `skipped`."""

    pages: list[PageResult]
    kinds: Mapping[str, Kind]
    protocol: EvaluationProtocol
    skipped: Counter[str]


def evaluate(context: EvaluationContext) -> EvaluationResult:
    """The report and one row of predictions a page.

    Raises:
        InvalidDataset: `evaluation.no_examples`: nothing is left to score.
    """
    started = monotonic()
    scored = _held_out(context) if context.request.source == "held_out" else _run(context)
    if not scored.pages:
        raise InvalidDataset(
            "evaluation.no_examples",
            f"No page can be scored ({in_words(scored.skipped) or 'the dataset version has none'}).",
            hint="Evaluate on a dataset with annotated pages.",
        )
    return EvaluationResult(_report(context, scored, started), _columns(scored), bad_cases=bad_cases(scored.pages, scored.kinds))


def _held_out(context: EvaluationContext) -> Scored:
    protocol: EvaluationProtocol = "cross_validation" if context.manifest.metrics_protocol == "cross_validation" else "held_out_validation"
    known = {example.path for example in context.source.examples}
    pages = [page for page in map(PageResult.from_dict, held_out_lines(context.model_folder / HELD_OUT_FILE)) if page.path in known]
    extractor = load_extractor(context.model_folder)
    return Scored(pages, kinds_of(extractor.fields) if extractor is not None else {}, protocol, Counter())


def _run(context: EvaluationContext) -> Scored:
    is_test = context.request.source == "test_split"
    wanted = [e for e in context.source.examples if e.annotation is not None and (e.split == "test" or not is_test)]
    model, annotations = load_model(context.model_folder, context.manifest), AnnotationReader(context.source)

    def work(example: VersionExample) -> PageResult | str:
        try:
            record = make_record(example, annotations.read(example), model.reader)
        except Unusable as error:
            return error.code
        return result_of(record, truth_of(record, model.fields, model.conventions), model.extractor, model.conventions)

    pages, skipped = list[PageResult](), Counter[str]()
    for done, result in enumerate(in_threads(work, wanted, lambda: None), start=1):
        if isinstance(result, PageResult):
            pages.append(result)
        else:
            skipped[result] += 1
        context.log.progress("evaluate", done, len(wanted))
    pages.sort(key=lambda page: page.path)
    return Scored(pages, kinds_of(model.fields), "test_split" if is_test else "other_dataset", skipped)


def _report(context: EvaluationContext, scored: Scored, started: float) -> EvaluationReport:
    conventions = Conventions.from_dict(context.manifest.preprocessing)
    metrics = line_metrics(scored.pages, conventions.is_case_sensitive) | field_metrics(scored.pages, scored.kinds)
    return make_report(
        context,
        scored.protocol,
        started,
        metrics,
        example_count=len(scored.pages),
        bad_case_count=sum(not is_right(page, scored.kinds) for page in scored.pages),
        skipped_count=scored.skipped.total(),
        intervals=page_intervals(scored.pages, scored.kinds),
        details=_details(context, scored, conventions),
        warnings=_warnings(context, scored),
    )


def _details(context: EvaluationContext, scored: Scored, conventions: Conventions) -> dict[str, Any]:
    """`fields`: precision, recall, F1 of each (E-7); `..._given_lines`: the same from the annotated lines; how lines were compared; the
    recogniser's last training loss, None where it was not tuned (E-8).
    """
    losses = [line["train_loss"] for line in context.manifest.history if "train_loss" in line]
    return {
        "train_loss": losses[-1] if losses else None,
        "fields": _field_details(scored, is_given=False),
        "fields_given_lines": _field_details(scored, is_given=True),
        "line_count": sum(len(page.lines) for page in scored.pages),
        "is_case_sensitive": conventions.is_case_sensitive,
    }


def _field_details(scored: Scored, *, is_given: bool) -> dict[str, dict[str, Any]]:
    scores = field_scores(scored.pages, scored.kinds, lambda page: page.found_given if is_given else page.found)
    told = {}
    for name, score in scores.items():
        ratios = {"precision": score.precision, "recall": score.recall, "f1": score.f1}
        told[name] = asdict(score) | {key: round(value, 6) for key, value in ratios.items()} | {"kind": scored.kinds[name]}
    return told


def _warnings(context: EvaluationContext, scored: Scored) -> list[str]:
    told = [f"Not scored: {in_words(scored.skipped)}."] if scored.skipped.total() else []
    missing = [name for name in scored.kinds if not any(name in page.values for page in scored.pages)]
    if missing:
        told.append(f"No page has {len(missing)} of the model's fields: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}.")
    if scored.protocol == "other_dataset" and context.request.dataset_version == context.manifest.dataset_version:
        told.append("The model learnt from this dataset version: these figures say little about new pages.")
    return told


def _columns(scored: Scored) -> dict[str, Sequence[Any]]:
    """`label`, `predicted`: all fields (without fields: all lines) as JSON; `confidence`: of the least certain field."""
    pages, kinds = scored.pages, scored.kinds
    return {
        "path": [page.path for page in pages],
        "label": [json.dumps(dict(page.values) if kinds else [line.text for line in page.lines], ensure_ascii=False) for page in pages],
        "predicted": [json.dumps(dict(page.found) if kinds else [line.given for line in page.lines], ensure_ascii=False) for page in pages],
        "confidence": [min(page.confidences.values(), default=0.0) for page in pages],
        "correct": [is_right(page, kinds) for page in pages],
        "right_lines": [sum(line.is_found for line in page.lines) for page in pages],
        "lines": [len(page.lines) for page in pages],
    }
