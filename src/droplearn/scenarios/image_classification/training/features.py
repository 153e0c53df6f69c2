"""One pass over the bytes: the deep check (D-5) and the frozen network's features of every picture that passes it.

Worker threads decode and run the network in chunks of eight; ONNX Runtime computes in the calling thread, so workers = cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from droplearn.contracts.dataset import MAX_LISTED_PROBLEMS, HealthProblem, HealthReport
from droplearn.scenarios.image_classification.inference import CHUNK, Graph
from droplearn.scenarios.image_classification.pixels import RESAMPLE, prepare
from droplearn.scenarios.learning import Deadline, TrainingLog
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.labelled_examples import LearningExample
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.pictures import UndecodableImage

_SAVE_EVERY_S = 30.0
_READING_SHARE = 0.5
"""Of the time that is left, at most so much goes into reading: a model of half the pictures is better than none."""


class Problem(NamedTuple):
    """Why a picture cannot be used."""

    code: str
    message: str


_ChunkResults = list[tuple[str, Floats | Problem]]


@dataclass
class FeatureTable:
    """By content (etag): a vector (D,) float32, or a problem. `network` names the weights and the size that made them."""

    network: str
    vectors: dict[str, Floats] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)

    def rows(self, examples: Sequence[LearningExample]) -> Floats:
        """(N, D)."""
        return np.stack([self.vectors[e.etag] for e in examples])

    def save(self, file: Path) -> None:
        """Whole or not at all. Plain arrays: nothing in the file can run."""
        partial = file.with_suffix(".partial")
        with partial.open("wb") as out:
            np.savez(
                out,
                network=np.array(self.network),
                resample=np.array(RESAMPLE),
                etags=np.array(list(self.vectors), dtype=str),
                vectors=np.array(list(self.vectors.values()), dtype=np.float32),
                problem_etags=np.array(list(self.problems), dtype=str),
                problems=np.array([tuple(p) for p in self.problems.values()], dtype=str).reshape(-1, 2),
            )
        partial.replace(file)

    @classmethod
    def load(cls, file: Path, network: str) -> FeatureTable:
        """Empty when there is no such file, or it is damaged, or another network made it, or an earlier release that showed the network
        other pixels. A missing picture is looked for again.
        """
        try:
            with file.open("rb") as raw, np.load(raw, allow_pickle=False) as saved:
                if (str(saved["network"]), str(saved["resample"])) != (network, RESAMPLE):
                    return cls(network)
                vectors = dict(zip(saved["etags"].tolist(), saved["vectors"], strict=True))
                told = zip(saved["problem_etags"].tolist(), saved["problems"].tolist(), strict=True)
                problems = {etag: Problem(*problem) for etag, problem in told if problem[0] != "missing"}
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile):
            return cls(network)
        return cls(network, vectors, problems)


def extract(
    examples: Sequence[LearningExample], backbone: Graph, table: FeatureTable, cache: Path, deadline: Deadline, log: TrainingLog
) -> None:
    """Completes the table, or stops in the middle when reading takes too much of the time. Raises StoppedEarly.

    What is read by then is in the cache. The order is that of the contents' hashes: any part of it is a fair sample.
    """
    known = table.vectors.keys() | table.problems.keys()
    todo = sorted({e.etag: e for e in examples if e.etag not in known}.values(), key=lambda e: e.etag)
    if known:
        log.note(f"resuming: {len(known)} pictures were read by an earlier attempt, {len(todo)} are left")
    chunks = [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
    saved_at, reserved_s = monotonic(), deadline.remaining_s() * (1 - _READING_SHARE)
    try:
        for done, results in enumerate(in_threads(lambda chunk: _extract_chunk(chunk, backbone), chunks, deadline.check), start=1):
            _add(table, results)
            log.progress("features", min(done * CHUNK, len(todo)), len(todo))
            if deadline.remaining_s() < reserved_s:
                return
            if monotonic() - saved_at > _SAVE_EVERY_S:
                table.save(cache)
                saved_at = monotonic()
    finally:
        if todo:
            table.save(cache)


def health(examples: Sequence[LearningExample], table: FeatureTable, version_id: str) -> tuple[list[LearningExample], HealthReport]:
    """The examples that can be used, and the report about all that were read."""
    usable, found = [], []
    for example in examples:
        if example.etag in table.vectors:
            usable.append(example)
        elif problem := table.problems.get(example.etag):
            found.append(HealthProblem(path=example.path, code=problem.code, message=problem.message, is_excluded=True))
    read_count = len(usable) + len(found)
    counts: dict[str, int] = {}
    for told in found:
        counts[told.code] = counts.get(told.code, 0) + 1
    report = HealthReport(
        version_id=version_id,
        checked_count=read_count,
        excluded_count=len(found),
        problem_counts=counts,
        problems=found[:MAX_LISTED_PROBLEMS],
        warnings=_unread(read_count, len(examples)) + _conflicts(usable),
    )
    return usable, report


def _unread(read_count: int, count: int) -> list[str]:
    if read_count == count:
        return []
    return [f"Time allowed for reading {read_count:,} of {count:,} pictures; the model has learnt from these. Allow more time for all."]


def _conflicts(examples: Sequence[LearningExample]) -> list[str]:
    """Copies of one picture under several labels: one of them must be wrong."""
    labels: dict[str, set[str]] = {}
    for example in examples:
        labels.setdefault(example.etag, set()).add(example.label)
    count = sum(len(found) > 1 for found in labels.values())
    return [f"{count} pictures occur under more than one label."] if count else []


def _extract_chunk(chunk: Sequence[LearningExample], backbone: Graph) -> _ChunkResults:
    results: _ChunkResults = []
    etags, pixels = [], []
    for example in chunk:
        try:
            pixels.append(prepare(example.read(), backbone.size).pixels)
            etags.append(example.etag)
        except UndecodableImage as error:
            results.append((example.etag, Problem(error.code, str(error))))
        except OSError:
            results.append((example.etag, Problem("missing", "The object was deleted or could not be read.")))
    if pixels:
        results += zip(etags, backbone.run(np.stack(pixels)), strict=True)
    return results


def _add(table: FeatureTable, results: _ChunkResults) -> None:
    for etag, found in results:
        if isinstance(found, Problem):
            table.problems[etag] = found
        else:
            table.vectors[etag] = found
