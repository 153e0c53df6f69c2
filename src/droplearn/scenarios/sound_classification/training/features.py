"""One pass over the bytes: the deep check (D-5) and the features of every sound that passes it.

Worker threads decode and run the network, one sound at a time; ONNX Runtime computes in the calling thread, so workers = cores.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from droplearn.contracts.dataset import MAX_LISTED_PROBLEMS, HealthProblem, HealthReport
from droplearn.scenarios.learning import Deadline, TrainingLog
from droplearn.scenarios.learning.labelled_examples import LearningExample
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.sound_classification.audio import UndecodableSound, decode
from droplearn.scenarios.sound_classification.inference import SoundGraph
from droplearn.scenarios.sound_classification.training.feature_table import FeatureTable, Heard, Problem
from droplearn.scenarios.sound_classification.training.versions import altered
from droplearn.scenarios.sound_classification.windows import MAX_WINDOWS, cut

_SAVE_EVERY_S = 30.0
_READING_SHARE = 0.6
"""Of the time that is left, at most so much goes into reading: a model of some of the sounds is better than none."""
_REMARKS = {
    "silent": "The sound is silent.",
    "clipping": "The sound is clipped: it was recorded too loud.",
    "too_long": "Only the first minutes of the sound are read.",
    "cut_off": "The file ends before the length that its header tells.",
    "wrong_extension": "The file's contents are of another kind than its name tells.",
}


class Extraction(NamedTuple):
    """How features are made: the graph, and of which version of each sound: 0 is the plain one."""

    graph: SoundGraph
    version: int = 0


def extract(
    examples: Sequence[LearningExample], how: Extraction, table: FeatureTable, cache: Path, deadline: Deadline, log: TrainingLog
) -> None:
    """Completes the table, or stops in the middle when reading takes too much of the time. Raises StoppedEarly.

    What is read by then is in the cache. The order is that of the contents' hashes: any part of it is a fair sample.
    """
    todo = sorted({e.etag: e for e in examples if not table.knows(e.etag)}.values(), key=lambda e: e.etag)
    if table.heard or table.problems:
        log.note(f"resuming: {len(table.heard) + len(table.problems)} sounds were read by an earlier attempt, {len(todo)} are left")
    saved_at, reserved_s = monotonic(), deadline.remaining_s() * (1 - _READING_SHARE)
    try:
        for done, (etag, found) in enumerate(in_threads(lambda e: (e.etag, _hear(e, how)), todo, deadline.check), start=1):
            if isinstance(found, Problem):
                table.problems[etag] = found
            else:
                table.heard[etag] = found
            log.progress("features", done, len(todo))
            if deadline.remaining_s() < reserved_s:
                return
            if monotonic() - saved_at > _SAVE_EVERY_S:
                table.save(cache)
                saved_at = monotonic()
    finally:
        if todo:
            table.save(cache)


def _hear(example: LearningExample, how: Extraction) -> Heard | Problem:
    try:
        sound = decode(example.read())
    except UndecodableSound as error:
        return Problem(error.code, str(error))
    except OSError:
        return Problem("missing", "The object was deleted or could not be read.")
    samples = sound.samples
    if how.version:
        looked_at = samples[: MAX_WINDOWS * how.graph.shape.samples]
        samples = altered(looked_at, [how.version, *example.etag.encode()])
    return Heard(how.graph.run(cut(samples, how.graph.shape)), sound.seconds, sound.remarks, sound.kind)


def health(examples: Sequence[LearningExample], table: FeatureTable, version_id: str) -> tuple[list[LearningExample], HealthReport]:
    """The examples that can be used, and the report about all that were read."""
    usable, excluded, odd = [], [], []
    for example in examples:
        if (heard := table.heard.get(example.etag)) is not None:
            usable.append(example)
            odd += [_problem(example, remark) for remark in _all_remarks(example.path, heard)]
        elif problem := table.problems.get(example.etag):
            excluded.append(HealthProblem(path=example.path, code=problem.code, message=problem.message, is_excluded=True))
    counts: dict[str, int] = {}
    for told in excluded + odd:
        counts[told.code] = counts.get(told.code, 0) + 1
    read_count = len(usable) + len(excluded)
    report = HealthReport(
        version_id=version_id,
        checked_count=read_count,
        excluded_count=len(excluded),
        problem_counts=counts,
        problems=(excluded + odd)[:MAX_LISTED_PROBLEMS],
        warnings=_unread(read_count, len(examples)) + _told(odd) + _conflicts(usable),
    )
    return usable, report


def _all_remarks(path: str, heard: Heard) -> tuple[str, ...]:
    extension = os.path.splitext(path)[1].lower().lstrip(".")  # noqa: PTH122 (a key, not a file)
    return heard.remarks + (() if extension == heard.kind else ("wrong_extension",))


def _problem(example: LearningExample, remark: str) -> HealthProblem:
    return HealthProblem(path=example.path, code=remark, message=_REMARKS[remark], is_excluded=False)


def _unread(read_count: int, count: int) -> list[str]:
    if read_count == count:
        return []
    return [f"Time allowed for reading {read_count:,} of {count:,} sounds; the model has learnt from these. Allow more time for all."]


def _told(odd: Sequence[HealthProblem]) -> list[str]:
    codes = sorted({problem.code for problem in odd})
    return [f"{sum(p.code == code for p in odd)} sounds: {_REMARKS[code]}" for code in codes]


def _conflicts(examples: Sequence[LearningExample]) -> list[str]:
    """Copies of one sound under several labels: one of them must be wrong."""
    labels: dict[str, set[str]] = {}
    for example in examples:
        labels.setdefault(example.etag, set()).add(example.label)
    count = sum(len(found) > 1 for found in labels.values())
    return [f"{count} sounds occur under more than one label."] if count else []
