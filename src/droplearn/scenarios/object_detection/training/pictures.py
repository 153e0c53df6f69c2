"""Reads all pictures once (the deep check, D-7), keeps them small in memory as far as it goes, and gives them to the loader."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from threading import Lock

import numpy as np
from PIL import Image

from droplearn.contracts.dataset import MAX_LISTED_PROBLEMS, HealthProblem, HealthReport
from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.annotation_formats.annotations import Annotation
from droplearn.scenarios.learning import Deadline, TrainingLog
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.object_detection.reading import AnnotatedPicture
from droplearn.scenarios.object_detection.training.examples import Candidate, LearningPicture
from droplearn.scenarios.pictures import Pixels

_MEMORY_SHARE = 0.25
_READING_SHARE = 0.3
"""Of the time that is left, at most so much goes into reading: a model of a part of the pictures is better than none."""
_FIRST_SIDE = 640
_MAX_LABEL_BYTES = 200


class PictureCache:
    """`get(number)`: the whole picture of a candidate, its long side at most `side` pixels. Threads may share it."""

    def __init__(self, candidates: Sequence[Candidate], max_bytes: int | None = None) -> None:
        self._candidates, self.side = candidates, _FIRST_SIDE
        self._room = _memory_bytes() * _MEMORY_SHARE if max_bytes is None else max_bytes
        self._kept: dict[int, Pixels] = {}
        self._lock = Lock()

    def read(self, number: int) -> AnnotatedPicture:
        """The picture, kept, and its annotation. Raises Unusable."""
        candidate = self._candidates[number]
        found = candidate.reader.read(candidate.example, self.side)
        self._keep(number, _shrink(found.picture.pixels, self.side))
        return found

    def get(self, number: int) -> Pixels:
        """(H, W, 3). Raises Unusable only if the object changed since the deep check."""
        if (kept := self._kept.get(number)) is not None:
            return kept
        candidate = self._candidates[number]
        pixels = _shrink(candidate.reader.read(candidate.example, self.side).picture.pixels, self.side)
        self._keep(number, pixels)
        return pixels

    def shrink(self, side: int) -> None:
        """From now on no picture is larger."""
        self.side = side
        for number, pixels in in_threads(lambda n: (n, _shrink(self._kept[n], side)), list(self._kept), lambda: None):
            self._room += self._kept[number].nbytes - pixels.nbytes
            self._kept[number] = pixels

    def _keep(self, number: int, pixels: Pixels) -> None:
        with self._lock:
            if number not in self._kept and self._room >= pixels.nbytes:
                self._room -= pixels.nbytes
                self._kept[number] = pixels


def read_all(
    candidates: Sequence[Candidate], cache: PictureCache, deadline: Deadline, log: TrainingLog, version_id: str
) -> tuple[list[LearningPicture], HealthReport]:
    """The usable pictures in the candidates' order, each content once, and the report. Raises StoppedEarly.

    Reading stops when it takes too much of the time. The order is that of the contents' hashes: any part of it is a fair sample.
    """
    order = sorted(range(len(candidates)), key=lambda n: candidates[n].example.etag)
    reserved_s = deadline.remaining_s() * (1 - _READING_SHARE)
    found: dict[int, LearningPicture | HealthProblem] = {}
    notes: list[HealthProblem] = []
    for number, result in in_threads(lambda n: (n, _read(n, candidates[n], cache)), order, deadline.check):
        found[number], noted = result
        notes += noted
        log.progress("read", len(found), len(order))
        if deadline.remaining_s() < reserved_s:
            break
    ordered = [found[n] for n in sorted(found)]
    pictures, copies = _each_once([p for p in ordered if isinstance(p, LearningPicture)])
    excluded = [p for p in ordered if isinstance(p, HealthProblem)] + copies
    return pictures, _report(version_id, len(candidates), len(found), excluded, sorted(notes, key=lambda p: p.path))


def read_these(candidates: Sequence[Candidate], numbers: Sequence[int], cache: PictureCache) -> list[LearningPicture]:
    """What another process has read before. Raises Unusable when an object changed since then."""

    def read(number: int) -> LearningPicture:
        found, _ = _read(number, candidates[number], cache)
        if isinstance(found, HealthProblem):
            raise Unusable(found.code, f"{found.path} cannot be read any more: {found.message}")
        return found

    by_number = {picture.number: picture for picture in in_threads(read, numbers, lambda: None)}
    return [by_number[number] for number in numbers]


def _read(number: int, candidate: Candidate, cache: PictureCache) -> tuple[LearningPicture | HealthProblem, list[HealthProblem]]:
    example = candidate.example
    try:
        read = cache.read(number)
    except Unusable as error:
        return HealthProblem(path=example.path, code=error.code, message=str(error), is_excluded=True), []
    annotation, notes = _with_usable_names(read.annotation, example.path)
    picture = LearningPicture(number, example, candidate.is_old, read.picture.width, read.picture.height, annotation)
    counts = Counter(problem.code for problem in annotation.problems)
    first = {problem.code: problem for problem in reversed(annotation.problems)}
    for code, problem in sorted(first.items()):
        more = f" (and {counts[code] - 1} more)" if counts[code] > 1 else ""
        notes.append(HealthProblem(path=example.path, code=code, message=problem.message + more, is_excluded=False))
    return picture, notes


def _with_usable_names(annotation: Annotation, path: str) -> tuple[Annotation, list[HealthProblem]]:
    kept = tuple(item for item in annotation.objects if len(item.name.encode()) <= _MAX_LABEL_BYTES)
    if len(kept) == len(annotation.objects):
        return annotation, []
    told = HealthProblem(path=path, code="bad_label", message=f"A label is longer than {_MAX_LABEL_BYTES} bytes.", is_excluded=False)
    return Annotation(kept, annotation.width, annotation.height, annotation.problems), [told]


def _each_once(pictures: Sequence[LearningPicture]) -> tuple[list[LearningPicture], list[HealthProblem]]:
    """A copy would be learnt twice, or, worse, be asked about after it was learnt."""
    first: dict[str, LearningPicture] = {}
    copies = []
    for picture in pictures:
        known = first.setdefault(picture.example.etag, picture)
        if known is not picture:
            differs = "" if known.annotation.objects == picture.annotation.objects else ", with other boxes"
            told = f"The same picture as {known.path}{differs}."
            copies.append(HealthProblem(path=picture.path, code="duplicate", message=told, is_excluded=True))
    return list(first.values()), copies


def _report(
    version_id: str, count: int, read_count: int, excluded: Sequence[HealthProblem], notes: Sequence[HealthProblem]
) -> HealthReport:
    problems = [*excluded, *notes]
    told = f"Time allowed for reading {read_count:,} of {count:,} pictures; the model has learnt from these. Allow more time for all."
    return HealthReport(
        version_id=version_id,
        checked_count=read_count,
        excluded_count=len(excluded),
        problem_counts=dict(Counter(problem.code for problem in problems)),
        problems=problems[:MAX_LISTED_PROBLEMS],
        warnings=[told] if read_count < count else [],
    )


def _shrink(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
