"""Layout D-8, judged by names alone: a page and its VOC XML of the same name; optionally a JSON with the values of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.keys import reason_to_skip
from droplearn.scenarios.ocr.spec import ANNOTATION_EXTENSIONS, MIN_ANNOTATED, SPEC
from droplearn.scenarios.scenario import Recognised

_KIND_FOLDERS = {"images", "image", "img", "imgs", "jpegimages", "pictures", "pages"}
_KIND_FOLDERS |= {"labels", "annotations", "annotation", "xml", "xmls", "voc", "values", "entities", "key"}
"""Folders that say what kind of files are in them; the rest of the path must be the same for a page and its files."""
_Key = tuple[tuple[str, ...], str]


def recognise(path: str, size_bytes: int) -> Recognised:
    """Pictures are unlabelled until a version is frozen: then `pair` finds their annotations."""
    limit = SPEC.limits.max_object_bytes
    reason = reason_to_skip(path, size_bytes, extensions=SPEC.file_extensions, wrong_kind="not_an_image", max_bytes=limit)
    if reason is not None:
        return Recognised(ExampleStatus.SKIPPED, reason=reason)
    is_annotation = path.lower().endswith(ANNOTATION_EXTENSIONS)
    return Recognised(ExampleStatus.ANNOTATION if is_annotation else ExampleStatus.UNLABELLED)


def pair(pictures: Sequence[str], annotation_files: Sequence[str]) -> Mapping[str, str]:
    """Picture -> its XML. Of two pictures with one name (`a.jpg`, `a.png`) the first has it."""
    own = {key_of(path): path for path in sorted(annotation_files) if path.lower().endswith(".xml")}
    return {picture: own.pop(key_of(picture)) for picture in sorted(pictures) if key_of(picture) in own}


def values_files(annotation_files: Sequence[str]) -> dict[_Key, str]:
    """The JSON files, by what they have in common with a picture's path (`key_of`)."""
    return {key_of(path): path for path in sorted(annotation_files) if path.lower().endswith(".json")}


def key_of(path: str) -> _Key:
    """What a picture's path and those of its files have in common."""
    place = PurePosixPath(path)
    return tuple(part for part in place.parts[:-1] if part.lower() not in _KIND_FOLDERS), place.stem


def check(version: DatasetVersion) -> list[str]:
    """Raises InvalidDataset: `dataset.empty`, `dataset.too_few_examples`. Returns warnings (D-8)."""
    count, wanted = sum(version.split_counts.values()), SPEC.limits.recommended_examples_per_label
    if count == 0:
        raise InvalidDataset(
            "dataset.empty",
            f"Dataset {version.dataset!r} has no annotated pages.",
            hint="Drop a VOC XML of the same name beside each picture (a.jpg + a.xml), with the texts in it.",
        )
    if count < MIN_ANNOTATED:
        raise too_few(count)
    if count < wanted:
        return [f"Only {count} pages are annotated; at least {wanted} are recommended."]
    return []


def too_few(count: int) -> InvalidDataset:
    """`dataset.too_few_examples`."""
    return InvalidDataset(
        "dataset.too_few_examples",
        f"Only {count} pages have usable annotations with text; at least {MIN_ANNOTATED} are needed.",
        hint=f"Annotate more pages; {SPEC.limits.recommended_examples_per_label} are recommended.",
    )
