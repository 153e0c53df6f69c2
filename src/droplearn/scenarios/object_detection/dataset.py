"""Layouts D-6 (VOC), COCO and YOLO, judged by names alone; contents are read in the trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.keys import reason_to_skip
from droplearn.scenarios.object_detection.spec import ANNOTATION_EXTENSIONS, MIN_ANNOTATED, SPEC
from droplearn.scenarios.scenario import Recognised

_KIND_FOLDERS = {"images", "image", "img", "imgs", "jpegimages", "photos", "pictures"}
_KIND_FOLDERS |= {"labels", "label", "annotations", "annotation", "xml", "xmls", "voc", "yolo", "txt"}
"""Folders that say what kind of files are in them; the rest of the path must be the same for a picture and its file."""
_NAME_FILES = {"classes.txt", "obj.names", "names.txt", "labels.txt", "predefined_classes.txt"}
_MOST_COCO_FILES = 50
"""In one folder."""
_Key = tuple[tuple[str, ...], str]


def recognise(path: str, size_bytes: int) -> Recognised:
    """Pictures are unlabelled until a version is frozen: then `pair` finds their annotations."""
    is_annotation = path.lower().endswith(ANNOTATION_EXTENSIONS)
    reason = reason_to_skip(
        path,
        max(size_bytes, 1) if is_annotation else size_bytes,  # an empty YOLO file says that nothing is on the picture
        extensions=SPEC.file_extensions,
        wrong_kind="not_an_image",
        max_bytes=SPEC.limits.max_object_bytes,
    )
    if reason is not None:
        return Recognised(ExampleStatus.SKIPPED, reason=reason)
    return Recognised(ExampleStatus.ANNOTATION if is_annotation else ExampleStatus.UNLABELLED)


def pair(pictures: Sequence[str], annotation_files: Sequence[str]) -> Mapping[str, str]:
    """Picture -> its annotation file: of the same name (XML before text), else a COCO file above it in the tree.

    Of two pictures with one name (`a.jpg`, `a.png`) the first has the annotation.
    """
    found: dict[str, str] = {}
    own = {_key(path): path for extension in (".txt", ".xml") for path in sorted(annotation_files) if _is_own(path, extension)}
    for picture in sorted(pictures):
        if (file := own.pop(_key(picture), None)) is not None:
            found[picture] = file
    stems = {_key(picture) for picture in pictures}
    shared = _by_folder([path for path in annotation_files if path.lower().endswith(".json") and _key(path) not in stems])
    for picture in sorted(set(pictures) - found.keys()):
        if (file := _above(picture, shared)) is not None:
            found[picture] = file
    return found


def names_files(annotation_files: Sequence[str]) -> list[str]:
    """Those that name YOLO's classes."""
    return [path for path in annotation_files if is_names_file(path)]


def is_names_file(path: str) -> bool:
    """classes.txt, *.names, *.yaml."""
    name = PurePosixPath(path).name.lower()
    return name in _NAME_FILES or name.endswith((".names", ".yaml", ".yml"))


def check(version: DatasetVersion) -> list[str]:
    """Raises InvalidDataset: `dataset.empty`, `dataset.too_few_examples`. Returns warnings (D-7)."""
    count, wanted = sum(version.split_counts.values()), SPEC.limits.recommended_examples_per_label
    if count == 0:
        raise InvalidDataset(
            "dataset.empty",
            f"Dataset {version.dataset!r} has no annotated pictures.",
            hint="Drop a VOC XML or YOLO text file of the same name beside each picture (a.jpg + a.xml), or one COCO JSON.",
        )
    if count < MIN_ANNOTATED:
        raise too_few(count)
    if count < wanted:
        return [f"Only {count} pictures are annotated; at least {wanted} of each kind of object are recommended."]
    return []


def too_few(count: int) -> InvalidDataset:
    """`dataset.too_few_examples`."""
    return InvalidDataset(
        "dataset.too_few_examples",
        f"Only {count} pictures have usable annotations with objects; at least {MIN_ANNOTATED} are needed.",
        hint=f"Annotate more pictures; {SPEC.limits.recommended_examples_per_label} of each kind of object are recommended.",
    )


def _is_own(path: str, extension: str) -> bool:
    return path.lower().endswith(extension) and not is_names_file(path)


def _key(path: str) -> _Key:
    """What a picture's path and that of its annotation have in common."""
    place = PurePosixPath(path)
    return tuple(part for part in place.parts[:-1] if part.lower() not in _KIND_FOLDERS), place.stem


def _by_folder(files: Sequence[str]) -> dict[tuple[str, ...], list[str]]:
    """COCO files by the folder that they are about. A folder full of JSON holds one per picture, of another tool."""
    found: dict[tuple[str, ...], list[str]] = {}
    for path in sorted(files):
        found.setdefault(_key(path)[0], []).append(path)
    return {folders: paths for folders, paths in found.items() if len(paths) <= _MOST_COCO_FILES}


def _above(picture: str, shared: Mapping[tuple[str, ...], list[str]]) -> str | None:
    """A COCO file of the deepest folder (kind folders taken off) that holds the picture; of several, one named after a folder of it."""
    folders, _ = _key(picture)
    for depth in range(len(folders), -1, -1):
        if files := shared.get(folders[:depth]):
            parents = PurePosixPath(picture).parts[:-1]
            return max(files, key=lambda path: any(part in PurePosixPath(path).stem for part in parents))
    return None
