"""The way of a training: check and features -> frozen model, saved at once -> fine-tuning where it pays -> the best by validation, saved.

The harness calls `train`. Everything before the fine-tuning works without torch.
"""

from __future__ import annotations

from droplearn.contracts.model import StopReason
from droplearn.scenarios.image_classification.training.decision import Situation, reason_not_to_tune
from droplearn.scenarios.image_classification.training.frozen_stage import FrozenStage, save_frozen, train_frozen
from droplearn.scenarios.learning import TrainingContext

_TRAINING_PER_FORWARD = 5.0
"""A training step of one picture costs this many times ONNX Runtime's forward pass. Measured on one core, Lite0: 19 against 86 pictures a
second.
"""


def train(context: TrainingContext) -> None:
    """Leaves the best model in `context.store`.

    Raises:
        InvalidDataset: too little is left after unusable pictures are excluded.
        StoppedEarly: time ran out, or a stop was asked for; what was saved by then is the model.
    """
    if not context.group.is_leader:
        from droplearn.scenarios.image_classification.training.tuned_stage import follow

        follow(context)
        return
    stage = train_frozen(context)
    ending = _reason_to_end(context, stage)
    if ending is None:
        from droplearn.scenarios.image_classification.training.tuned_stage import tune

        tune(context, stage)
        return
    stop_reason, sentence = ending
    context.log.note(f"fine-tuning {sentence}")
    save_frozen(context, stage, stop_reason, sentence, is_final=True)
    if context.group.world_size > 1:
        from droplearn.scenarios.image_classification.training.tuned_stage import dismiss

        dismiss(context)


def _reason_to_end(context: TrainingContext, stage: FrozenStage) -> tuple[StopReason, str] | None:
    """None: fine-tuning follows."""
    if stage.state is not None:
        return None
    expected, accuracy = context.request.settings.expected_accuracy, stage.model.metrics["top1_accuracy"]
    if expected is not None and accuracy >= expected:
        return "expected_accuracy", f"not needed: the expected accuracy of {expected:.3f} is reached"
    if (interruption := context.deadline.interruption()) is not None:
        return interruption, "not tried: training was ended"
    if (reason := reason_not_to_tune(_situation(context, stage))) is not None:
        return "enough_already", reason
    return None


def _situation(context: TrainingContext, stage: FrozenStage) -> Situation:
    train_count = len(stage.data.indices("train"))
    return Situation(
        train_count=train_count,
        validation_count=len(stage.data.indices("validation")),
        frozen_errors=round((1 - stage.model.metrics["top1_accuracy"]) * len(stage.model.held_out)),
        frozen_count=len(stage.model.held_out),
        remaining_s=context.deadline.remaining_s(),
        epoch_s=_TRAINING_PER_FORWARD * stage.forward_s * train_count / context.group.world_size,
        is_asked_for=context.request.settings.hyper_parameters.epochs is not None,
    )
