"""Reads the pages of a form, learns its fields, saves; then tries other strengths while time is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic

from droplearn.contracts.model import Candidate
from droplearn.scenarios.ocr.fields.assembling import Field, FieldValue
from droplearn.scenarios.ocr.fields.extractor import Extraction
from droplearn.scenarios.ocr.measures import PageResult
from droplearn.scenarios.ocr.model_files import make_result
from droplearn.scenarios.ocr.records import PageRecord
from droplearn.scenarios.ocr.training.drafts import Protocol, valid_metrics
from droplearn.scenarios.ocr.training.field_fitting import (
    LEAST_PAGES_PER_FIELD,
    STRENGTHS,
    CrossValidatedFields,
    FieldPages,
    cross_validate_fields,
    field_pages,
    find_fields,
    fit_fields,
    validate_fields,
)
from droplearn.scenarios.ocr.training.session import Training

_MAX_PAGES = 400
"""More pages are read and fitted for longer than they gain."""
_RESERVE = 0.35
"""Of the remaining time, what reading leaves for learning."""
_PERFECT = 0.999
_ROOM = 1.5
"""Another strength is tried when this many times the last one's time is left."""


def learn_fields(training: Training) -> bool:
    """False where the pages turn out to have no field. Raises StoppedEarly."""
    context = training.context
    records = training.read(training.pages[:_MAX_PAGES], _RESERVE * context.deadline.remaining_s())
    fields = find_fields(records, context.request.settings.labels)
    if not fields:
        return False
    data = field_pages(records, fields, training.survey.conventions)
    _first_fields(training, records, data)
    tried: list[CrossValidatedFields] = []
    for strength in STRENGTHS:
        started = monotonic()
        tried.append(_try(training, data, strength))
        best = max(tried, key=lambda t: t.macro_f1)
        seconds = monotonic() - started
        is_over = strength == STRENGTHS[-1] or context.deadline.remaining_s() < _ROOM * seconds or _is_enough(training, best)
        if best is tried[-1] or is_over:
            model = fit_fields(replace(data, fields=best.fields), best.strength, context.deadline.check)
            kept = [i for i, r in enumerate(records) if r.split == "validation" or not training.networks.is_tuned]
            results = _results(training, data, records, best, kept, kept)
            protocol: Protocol = "validation" if training.networks.is_tuned else "cross_validation"
            candidates = [_candidate(t, t is best) for t in tried]
            learnt = training.learnt(results, protocol, model)
            training.save(learnt, "converged" if is_over else "enough_already", candidates, is_final=is_over)
        if is_over:
            break
    context.log.metric("final", 1, 1, valid_metrics(learnt.metrics))
    return True


def _first_fields(training: Training, records: Sequence[PageRecord], data: FieldPages) -> None:
    """One fit, measured on the validation pages, and saved: cross-validation takes several times as long."""
    held_out = [i for i, record in enumerate(records) if record.split == "validation"]
    if not held_out or len(records) - len(held_out) < LEAST_PAGES_PER_FIELD:
        return
    model, found = validate_fields(data, STRENGTHS[0], held_out, training.context.deadline.check)
    learnt = training.learnt(_results(training, data, records, found, held_out, range(len(held_out))), "validation", model)
    training.context.log.metric("fields", 0, len(STRENGTHS), valid_metrics(learnt.metrics))
    training.save(learnt, "enough_already", [_candidate(found, is_chosen=True)], is_final=False)


def _try(training: Training, data: FieldPages, strength: float) -> CrossValidatedFields:
    context = training.context
    found = cross_validate_fields(data, strength, context.request.settings.seed, context.deadline.check)
    context.log.metric("fields", STRENGTHS.index(strength) + 1, len(STRENGTHS), {"valid_field_macro_f1": found.macro_f1})
    return found


def _results(
    training: Training,
    data: FieldPages,
    records: Sequence[PageRecord],
    found: CrossValidatedFields,
    places: Sequence[int],
    rows: Sequence[int],
) -> list[PageResult]:
    """Each page as it was held out. `places`: of the pages among all; `rows`: of them in `found`."""
    return [
        make_result(
            records[i],
            data.truths[i],
            _extraction(found.pages[row].read, found.fields),
            _extraction(found.pages[row].given, found.fields),
            training.survey.conventions,
        )
        for i, row in zip(places, rows, strict=True)
    ]


def _extraction(values: Mapping[str, FieldValue], fields: Sequence[Field]) -> Extraction:
    return Extraction({f.name: v for f in fields if (v := values.get(f.name)) is not None and v.confidence >= f.threshold}, ())


def _candidate(tried: CrossValidatedFields, is_chosen: bool) -> Candidate:
    metrics = {"valid_field_macro_f1": tried.macro_f1} | {f"valid_f1_{name}": score.f1 for name, score in tried.scores.items()}
    return Candidate(name=f"fields_strength_{tried.strength:g}", metrics=metrics, is_chosen=is_chosen, reason="chosen" if is_chosen else "")


def _is_enough(training: Training, best: CrossValidatedFields) -> bool:
    return best.macro_f1 >= (training.context.request.settings.expected_accuracy or _PERFECT)
