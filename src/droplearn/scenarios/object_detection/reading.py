"""Reads one annotated picture: bytes and annotation file to upright pixels and boxes. Every oddity gets a code of the health report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from threading import Lock

from droplearn.contracts.dataset import VersionExample
from droplearn.scenarios.annotation_formats import coco, voc, yolo
from droplearn.scenarios.annotation_formats.alignment import Unusable, align, orientation_of
from droplearn.scenarios.annotation_formats.annotations import Annotation, BrokenAnnotation, Problem, fit_into
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.object_detection.dataset import names_files
from droplearn.scenarios.object_detection.spec import SPEC
from droplearn.scenarios.pictures import DecodedImage, ImageLimits, UndecodableImage, decode

LIMITS = ImageLimits(
    max_bytes=SPEC.limits.max_object_bytes, max_pixels=SPEC.limits.max_pixels or 50_000_000, min_side_px=SPEC.limits.min_side_px or 31
)
MIN_BOX_PX = 2
"""Smaller boxes are slips of the hand."""


@dataclass(frozen=True)
class AnnotatedPicture:
    """`picture.pixels` may be smaller than its height and width say; `annotation` is in pixels of height and width."""

    picture: DecodedImage
    annotation: Annotation


@dataclass
class AnnotationReader:
    """The annotation files of a source. Threads may share it."""

    source: ExampleSource
    _coco: dict[str, coco.CocoFile | BrokenAnnotation] = field(default_factory=dict)
    _names: dict[str, Mapping[int, str]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def read(self, example: VersionExample, short_side: int) -> AnnotatedPicture:
        """short_side: as for `pictures.decode`.

        Raises:
            Unusable: `corrupt`, `too_large`, `too_small`, `wrong_format`, `missing`, `annotation_...`, `not_annotated`, `size_mismatch`.
        """
        try:
            raw = self.source.read(example.path)
            picture = decode(raw, limits=LIMITS, short_side=short_side)
        except UndecodableImage as error:
            raise Unusable(error.code, str(error)) from error
        except OSError as error:
            raise Unusable("missing", "The object was deleted or could not be read.") from error
        try:
            annotation = self._annotation(example, picture)
        except BrokenAnnotation as error:
            raise Unusable(error.code, f"{_file_of(example)}: {error}") from error
        except OSError as error:
            raise Unusable("annotation_missing", f"{_file_of(example)} was deleted or could not be read.") from error
        aligned = align(annotation, picture.width, picture.height, orientation_of(raw))
        return AnnotatedPicture(picture, _without_specks(fit_into(aligned, picture.width, picture.height)))

    def _annotation(self, example: VersionExample, picture: DecodedImage) -> Annotation:
        file = _file_of(example)
        if file.lower().endswith(".json"):
            if (found := self._coco_file(file).find(example.path)) is None:
                raise Unusable("not_annotated", f"{file} does not name this picture.")
            return found
        raw = self.source.read(file)
        return voc.read(raw) if file.lower().endswith(".xml") else yolo.read(raw, self._names_for(file), picture.width, picture.height)

    def _coco_file(self, file: str) -> coco.CocoFile:
        """Read once for all pictures, also when it is broken."""
        with self._lock:
            if file not in self._coco:
                try:
                    self._coco[file] = coco.read(self.source.read(file))
                except BrokenAnnotation as error:
                    self._coco[file] = error
            found = self._coco[file]
        if isinstance(found, BrokenAnnotation):
            raise BrokenAnnotation(found.code, str(found))
        return found

    def _names_for(self, file: str) -> Mapping[int, str]:
        """Of the file of class names that is nearest: deepest in the folders above, or beside them."""
        with self._lock:
            if not self._names:
                self._names = {path: self._read_names(path) for path in names_files(self.source.version.annotation_files)} or {"": {}}
            folder = PurePosixPath(file).parent
            known = [path for path in self._names if self._names[path]] or [""]
            nearest = max(known, key=lambda path: (len(_common(PurePosixPath(path).parent, folder)), -len(PurePosixPath(path).parts)))
            return self._names.get(nearest, {})

    def _read_names(self, path: str) -> Mapping[int, str]:
        try:
            return yolo.read_names(path, self.source.read(path))
        except (BrokenAnnotation, OSError):
            return {}


def _without_specks(annotation: Annotation) -> Annotation:
    specks = [item for item in annotation.objects if min(item.box.width, item.box.height) < MIN_BOX_PX]
    if not specks:
        return annotation
    problems = tuple(Problem("box_too_small", f"{o.name}: a box of {o.box.width:g} x {o.box.height:g} pixels.", True) for o in specks)
    kept = tuple(item for item in annotation.objects if item not in specks)
    return replace(annotation, objects=kept, problems=annotation.problems + problems)


def _file_of(example: VersionExample) -> str:
    return str((example.annotation or {}).get("file", ""))


def _common(one: PurePosixPath, other: PurePosixPath) -> tuple[str, ...]:
    found: list[str] = []
    for a, b in zip(one.parts, other.parts, strict=False):
        if a != b:
            break
        found.append(a)
    return tuple(found)
