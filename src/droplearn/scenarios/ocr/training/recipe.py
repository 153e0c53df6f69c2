"""The way of a training: check -> a few pages, the untouched model saved -> the recogniser tuned where it pays -> the held-out pages ->
the fields, saved, and improved while time is left.
"""

from __future__ import annotations

from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.ocr.model_files import result_of
from droplearn.scenarios.ocr.records import truth_of
from droplearn.scenarios.ocr.training.checking import check_pages
from droplearn.scenarios.ocr.training.drafts import valid_metrics
from droplearn.scenarios.ocr.training.examples import LearningPage, gather
from droplearn.scenarios.ocr.training.field_stage import learn_fields
from droplearn.scenarios.ocr.training.networks import starting_networks
from droplearn.scenarios.ocr.training.recogniser_stage import choose_recogniser
from droplearn.scenarios.ocr.training.session import Training
from droplearn.scenarios.ocr.training.surveying import survey

_FIRST_PAGES, _MAX_HELD_OUT = 4, 200
"""Pages that are read for the first figures, and at most: more make the figures finer, but take time from learning."""
_TUNING_SHARE = {"lines": 0.75, "fields": 0.4}


def train(context: TrainingContext) -> None:
    """Leaves the best model in `context.store`. One process does it all: another one of the group has nothing to do.

    Raises:
        InvalidDataset: `dataset.empty`, `dataset.too_few_examples`.
        StoppedEarly: time ran out, or a stop was asked for; what was saved by then is the model.
    """
    if not context.group.is_leader:
        return
    pages, warnings = check_pages(gather(context), context)
    training = Training(context, pages, survey(pages), starting_networks(context.base), warnings=warnings)
    if not context.store.has_model:
        _save_lines(training, training.validation[:_FIRST_PAGES], is_final=False)
        context.log.note(f"first model saved after {context.deadline.elapsed_s():.1f} s")
    _choose_recogniser(training)
    if not training.survey.has_fields or not learn_fields(training):
        _save_lines(training, training.validation[:_MAX_HELD_OUT], is_final=True)


def _choose_recogniser(training: Training) -> None:
    seconds = _TUNING_SHARE[training.survey.form] * training.context.deadline.remaining_s()
    stage = choose_recogniser(training, seconds)
    training.networks = stage.networks
    training.candidates += stage.candidates
    training.warnings += stage.warnings


def _save_lines(training: Training, pages: list[LearningPage], *, is_final: bool) -> None:
    """A model that reads lines, with its results on these pages, as far as they are read in time."""
    conventions = training.survey.conventions
    records = training.read(pages, reserve_s=2.0)
    if not records:
        raise StoppedEarly("max_runtime")
    learnt = training.learnt([result_of(record, truth_of(record, (), conventions), None, conventions) for record in records])
    training.context.log.metric("read", 1, 1, valid_metrics(learnt.metrics))
    was_tuned = any(c.name == "tuned_recogniser" and c.metrics for c in training.candidates)
    training.save(learnt, "converged" if was_tuned else "enough_already", is_final=is_final)
