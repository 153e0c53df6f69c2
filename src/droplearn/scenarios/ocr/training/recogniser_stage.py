"""Whether and how the recogniser is fine-tuned, and which of the two is chosen by the validation lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.contracts.model import Candidate
from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.reading.pages import cut, is_tall
from droplearn.scenarios.ocr.reading.recogniser import Recogniser
from droplearn.scenarios.ocr.training.augmenting import at_line_height, rehearsal_lines
from droplearn.scenarios.ocr.training.examples import LearningPage
from droplearn.scenarios.ocr.training.networks import Networks
from droplearn.scenarios.ocr.training.session import Training
from droplearn.scenarios.ocr.training.tuning import LineScore, Sample, TuningPlan, score_lines, tune

MAX_LINES, MAX_VALIDATION_LINES = 6000, 300
_REHEARSAL_SHARE, _MAX_REHEARSAL, _REHEARSAL_CHECK = 0.25, 500, 60
_LEAST_GAIN = 0.002
_LEAST_SECONDS = 25.0
_FORGOTTEN = 0.1
ENOUGH = {"lines": 0.995, "fields": 0.85}
"""Line accuracy from which the untouched recogniser is not tuned. With fields, time is better spent on these."""


@dataclass(frozen=True)
class RecogniserStage:
    """The chosen networks and how they came to be."""

    networks: Networks
    candidates: list[Candidate]
    warnings: list[str]


def choose_recogniser(training: Training, seconds: float) -> RecogniserStage:
    """`seconds`: all that this stage may take. Raises StoppedEarly."""
    networks, conventions, context = training.networks, training.survey.conventions, training.context
    pages = [page for page in training.pages if page.example.split == "validation"]
    validation = collect_lines(pages, conventions, MAX_VALIDATION_LINES, 0)
    base = score_lines(Recogniser(networks.recogniser), validation, conventions.is_case_sensitive)
    context.log.metric("recogniser", 0, 1, _metrics(base))
    reason = _reason_not_to_tune(training, base, len(validation), seconds)
    tuned = None
    if not reason:
        tuned = _restored(training) or _tuned(training, validation, seconds)
        reason = "no time for it"
    if tuned is None:
        return RecogniserStage(networks, [_candidate("untouched_recogniser", base, "chosen", True), _nothing(reason)], [])
    return _decide(training, tuned, base, validation)


def collect_lines(pages: Sequence[LearningPage], conventions: Conventions, limit: int, seed: int) -> list[Sample]:
    """Annotated lines cut out of their pages; of more than `limit` a random part. Lines that stand upright are left out."""
    found: list[Sample] = []
    for page in pages:
        try:
            annotated = page.reader.read(page.example)
        except Unusable:
            continue
        pixels = annotated.page.pixels
        size = np.array(pixels.shape[1::-1], np.float32)
        for line in annotated.lines:
            place = line.place
            corners = [[place.left, place.top], [place.right, place.top], [place.right, place.bottom], [place.left, place.bottom]]
            quad = np.array(corners, np.float32) * size
            if not is_tall(quad) or len(line.text) == 1:
                found.append((at_line_height(cut(pixels, quad)), conventions.write(line.text)))
        if len(found) > 2 * limit:
            break
    order = np.random.default_rng(seed).permutation(len(found))[:limit]
    return [found[i] for i in order]


def _tuned(training: Training, validation: Sequence[Sample], seconds: float) -> bytes | None:
    context, conventions = training.context, training.survey.conventions
    settings = context.request.settings
    started = context.deadline.elapsed_s()
    samples = collect_lines([p for p in training.pages if p.example.split == "train"], conventions, MAX_LINES, settings.seed)
    if not samples:
        return None
    rehearsal = rehearsal_of(samples, settings.seed, min(_MAX_REHEARSAL, int(_REHEARSAL_SHARE * len(samples)) + 1))
    given = settings.hyper_parameters
    plan = TuningPlan(
        seconds=max(10.0, seconds - (context.deadline.elapsed_s() - started)),
        seed=settings.seed,
        is_case_sensitive=conventions.is_case_sensitive,
        is_handwriting=training.scene == "handwriting",
        epochs=given.epochs,
        learning_rate=given.learning_rate or TuningPlan.learning_rate,
        batch_size=given.batch_size or TuningPlan.batch_size,
    )

    def report(epochs: float, loss: float, score: LineScore) -> None:
        context.log.metric("recogniser", round(epochs), given.epochs or round(epochs) + 1, {"train_loss": loss, **_metrics(score)})

    best = tune(training.networks.recogniser, samples, rehearsal, validation, plan, context.deadline.check, report)
    if best is None:
        return None
    context.log.note(f"recogniser tuned for {best.epochs:.1f} epochs of {len(samples)} lines, {best.lines_per_second:.1f} lines a second")
    (context.checkpoints / _name(training)).write_bytes(best.network)
    return best.network


def rehearsal_of(samples: Sequence[Sample], seed: int, count: int) -> list[Sample]:
    """Plain printed lines, so that ordinary print is not unlearnt."""
    rng = np.random.default_rng(seed + 1)
    return [(at_line_height(line), text) for line, text in rehearsal_lines([text for _, text in samples], count, rng)]


def _decide(training: Training, tuned: bytes, base: LineScore, validation: Sequence[Sample]) -> RecogniserStage:
    networks, conventions = training.networks, training.survey.conventions
    score = score_lines(Recogniser(tuned), validation, conventions.is_case_sensitive)
    plain = rehearsal_of(validation, training.context.request.settings.seed + 100, _REHEARSAL_CHECK)
    before, after = (score_lines(Recogniser(n), plain, conventions.is_case_sensitive).line_accuracy for n in (networks.recogniser, tuned))
    is_better = score.line_accuracy > base.line_accuracy + _LEAST_GAIN or (
        score.line_accuracy >= base.line_accuracy and score.character_error_rate < 0.9 * base.character_error_rate
    )
    why = "better on the validation lines" if is_better else "no better on the validation lines"
    candidates = [
        _candidate("untouched_recogniser", base, "" if is_better else "chosen", not is_better, before),
        _candidate("tuned_recogniser", score, why, is_better, after),
    ]
    warnings = []
    if is_better and before - after > _FORGOTTEN:
        warnings.append(f"The tuned recogniser reads plain print worse than before: {after:.2f} of made-up lines instead of {before:.2f}.")
    return RecogniserStage(Networks(networks.detector, tuned, is_tuned=True) if is_better else networks, candidates, warnings)


def _reason_not_to_tune(training: Training, base: LineScore, validation_count: int, seconds: float) -> str:
    """Empty: tune."""
    settings = training.context.request.settings
    if validation_count == 0:
        return "there is no validation page"
    if settings.hyper_parameters.epochs is not None or training.scene == "handwriting":
        return "" if seconds >= _LEAST_SECONDS else "too little time is left"
    enough = min(ENOUGH[training.survey.form], settings.expected_accuracy or 1.0)
    if base.line_accuracy >= enough:
        return f"{base.line_accuracy:.3f} of the validation lines are right without it"
    return "" if seconds >= _LEAST_SECONDS else "too little time is left"


def _restored(training: Training) -> bytes | None:
    """What an earlier attempt had tuned to the end."""
    file = training.context.checkpoints / _name(training)
    if not file.exists():
        return None
    training.context.log.note("resumed: the recogniser was tuned before")
    return file.read_bytes()


def _name(training: Training) -> str:
    settings = training.context.request.settings.model_dump(mode="json", exclude={"max_runtime_s", "resources", "expected_accuracy"})
    starting = hashlib.sha256(training.networks.recogniser).hexdigest()
    told = [settings, starting, [(p.example.etag, p.example.split) for p in training.pages]]
    return f"tuned-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]}.onnx"


def _metrics(score: LineScore) -> dict[str, float]:
    return {"valid_line_accuracy": score.line_accuracy, "valid_character_error_rate": score.character_error_rate}


def _candidate(name: str, score: LineScore, reason: str, is_chosen: bool, plain: float | None = None) -> Candidate:
    metrics = _metrics(score) | ({"made_up_line_accuracy": plain} if plain is not None else {})
    return Candidate(name=name, metrics=metrics, is_chosen=is_chosen, reason=reason)


def _nothing(reason: str) -> Candidate:
    return Candidate(name="tuned_recogniser", metrics={}, reason=f"not tried: {reason}")
