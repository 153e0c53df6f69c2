"""The way of a training: check and features -> a first model, saved at once -> heads on other parts of the features -> a small network
where the sounds are short and many -> the best by validation, saved.

The harness calls `train`. Everything before the small network works without torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.held_out import HeldOut, compare, valid_metrics
from droplearn.scenarios.sound_classification.training.decision import Situation, reason_not_to_train
from droplearn.scenarios.sound_classification.training.first_stage import Material, read, with_versions
from droplearn.scenarios.sound_classification.training.heads import CHOICES, FittedHead, fit_candidate
from droplearn.scenarios.sound_classification.training.saving import save_head

SMALL = "small_network"


def train(context: TrainingContext) -> None:
    """Leaves the best model in `context.store`.

    Raises:
        InvalidDataset: too little is left after unusable sounds are excluded.
        StoppedEarly: time ran out, or a stop was asked for; what was saved by then is the model.
    """
    if not context.group.is_leader:
        return  # a training takes one process at most a few minutes
    material = read(context)
    heads = _fit_heads(context, material)
    best = _best(context, material, heads)
    save_head(context, material, best, _compared(heads, best, ""), "max_runtime", is_final=False)
    richer, heads = _with_versions(context, material, best, heads)
    best = _best(context, material, heads)
    if best.name not in CHOICES:
        material = richer
    ending = _reason_to_end(context, material, best)
    if ending is None:
        from droplearn.scenarios.sound_classification.training.small_stage import train_small

        train_small(context, material, best, _compared(heads, best, ""))
        return
    stop_reason, sentence = ending
    context.log.note(f"small network {sentence}")
    save_head(context, material, best, _compared(heads, best, sentence), stop_reason, is_final=True)


def _fit_heads(context: TrainingContext, material: Material) -> list[FittedHead]:
    """The first one is saved at once; an interruption among the others keeps those that are done."""
    heads: list[FittedHead] = []
    for number, name in enumerate(CHOICES, start=1):
        try:
            head = fit_candidate(name, material.data, material.rows, context.request.settings.seed, context.deadline.check)
        except StoppedEarly:
            if not heads:
                raise
            break
        heads.append(head)
        context.log.metric("frozen", number, len(CHOICES), {"train_loss": head.train_loss, **_curve(head)})
        if number == 1 and not context.store.has_model:
            save_head(context, material, head, _compared(heads, head, ""), "max_runtime", is_final=False)
            context.log.note(f"first model saved after {context.deadline.elapsed_s():.1f} s")
    return heads


def _with_versions(
    context: TrainingContext, material: Material, best: FittedHead, heads: Sequence[FittedHead]
) -> tuple[Material, list[FittedHead]]:
    """The best head's features once more, of altered sounds too, where it errs and there is time; nothing changes where that runs out."""
    expected = context.request.settings.expected_accuracy
    if best.metrics["top1_accuracy"] >= (1.0 if expected is None else expected):
        return material, list(heads)
    try:
        richer = with_versions(context, material, best.parts)
        if richer.rows.version_count == 1:
            return material, list(heads)
        head = fit_candidate(best.choice, richer.data, richer.rows, context.request.settings.seed, context.deadline.check)
    except StoppedEarly:
        return material, list(heads)
    context.log.metric("versions", 1, 1, {"train_loss": head.train_loss, **_curve(head)})
    return richer, [*heads, head]


def _best(context: TrainingContext, material: Material, heads: Sequence[FittedHead]) -> FittedHead:
    """The lowest log loss; where there is a base model, first among those that keep the old labels' accuracy."""

    def has_fallen(head: FittedHead) -> bool:
        held_out = HeldOut(head.held_out, head.probabilities, "cross_validation", head.metrics)
        comparison, _ = compare(context, material.data, held_out)
        return comparison is not None and comparison.has_fallen

    kept = [head for head in heads if not has_fallen(head)]
    return min(kept or heads, key=lambda head: head.metrics["log_loss"])


def _compared(heads: Sequence[FittedHead], best: FittedHead, why_no_network: str) -> list[Candidate]:
    told = [
        Candidate(
            name=head.name,
            metrics=valid_metrics(head.metrics),
            is_chosen=head is best,
            reason="lowest cross-validated loss" if head is best else "",
        )
        for head in heads
    ]
    return told + ([Candidate(name=SMALL, metrics={}, reason=why_no_network)] if why_no_network else [])


def _reason_to_end(context: TrainingContext, material: Material, best: FittedHead) -> tuple[StopReason, str] | None:
    """None: a small network follows."""
    settings = context.request.settings
    if settings.expected_accuracy is not None and best.metrics["top1_accuracy"] >= settings.expected_accuracy:
        return "expected_accuracy", f"not needed: the expected accuracy of {settings.expected_accuracy:.3f} is reached"
    if (interruption := context.deadline.interruption()) is not None:
        return interruption, "not tried: training was ended"
    data = material.data
    counts = [int((data.y[data.indices("train")] == k).sum()) for k in range(len(data.labels))]
    now = Situation(
        smallest_label=min(counts),
        train_count=sum(counts),
        validation_count=len(data.indices("validation")),
        median_seconds=material.seconds,
        errors=round((1 - best.metrics["top1_accuracy"]) * len(best.held_out)),
        remaining_s=context.deadline.remaining_s(),
        is_asked_for=settings.hyper_parameters.epochs is not None,
    )
    reason = reason_not_to_train(now)
    return None if reason is None else ("enough_already", reason)


def _curve(head: FittedHead) -> dict[str, float]:
    """The metrics of the live curves (M-1, M-2)."""
    wanted = valid_metrics(head.metrics)
    return {name: wanted[name] for name in ("valid_loss", "valid_top1_accuracy", "valid_top5_accuracy")}
