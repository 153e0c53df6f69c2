"""The way of a training: check and features -> CatBoost on one split, saved at once -> members on folds, mixed -> the best, saved.

The harness calls `train`.
"""

from __future__ import annotations

from droplearn.contracts.model import StopReason
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned
from droplearn.scenarios.tabular_prediction.training.rows import gather
from droplearn.scenarios.tabular_prediction.training.session import Session

PATIENCE = 6
"""Members without a gain that end the training."""
OWN_SHARE = 0.45
"""Of the time goes to our own members where AutoGluon is to be tried, too."""


def train(context: TrainingContext) -> None:
    """Leaves the best model in `context.store`. Only the leader works: one process uses all cores of its host.

    Raises:
        InvalidDataset: `dataset.empty`, `dataset.one_label`, `dataset.bad_target`, ...
        InvalidRequest: an option names an unknown column.
        StoppedEarly: time ran out, or a stop was asked for; what was saved by then is the model.
    """
    if not context.group.is_leader:
        return
    session = Session(context, gather(context))
    context.deadline.check()
    try:
        session.train_floor()
        reason = _improve(context, session)
    except Abandoned:
        raise StoppedEarly(context.deadline.interruption() or "max_runtime") from None
    session.finish(reason)


def _improve(context: TrainingContext, session: Session) -> StopReason:
    """AutoGluon comes second: what is already mixed is the measure of its gain."""
    with_autogluon = context.request.settings.preset == "high_accuracy"
    reason = _try_members(context, session, OWN_SHARE if with_autogluon else 1.0)
    if with_autogluon and reason != "expected_accuracy":
        session.try_autogluon()
    return reason


def _try_members(context: TrainingContext, session: Session, share: float) -> StopReason:
    """share: of the time that is left."""
    until = context.deadline.remaining_s() * (1 - share)
    without_gain = 0
    for recipe in session.recipes():
        context.deadline.check()
        if session.is_good_enough():
            return "expected_accuracy"
        if context.deadline.remaining_s() <= until:
            return "max_runtime"
        if not session.fits(recipe):
            continue
        without_gain = 0 if session.try_member(recipe) else without_gain + 1
        if without_gain >= PATIENCE:
            return "converged"
    return session.reason_of_end()
