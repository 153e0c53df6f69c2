"""What belongs into a dataset version, and its content-addressed id. Pure; service/freezing.py reads and writes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from chalicelib.domain.example import Example
from chalicelib.domain.splits import Group, Shares, split_groups
from droplearn.contracts.dataset import ExampleStatus, Split
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios.scenario import Scenario

MAX_NAME_BYTES = 255
"""Of one file or folder name; a training container reads keys as files. Source: Linux, limits.h, NAME_MAX."""


class Member(NamedTuple):
    """An example, as small as it goes: there may be a million at once.

    `label` None: it stands in the file `annotation`, or inside the object.
    """

    path: str
    label: str | None
    etag: str
    size_bytes: int
    annotation: str | None = None


@dataclass
class Selection:
    """The labelled examples that a version takes, sorted by path, and a count of those that it leaves out, by reason."""

    members: list[Member] = field(default_factory=list)
    annotation_files: list[Member] = field(default_factory=list)
    unlabelled_count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    known_labels: set[str] = field(default_factory=set)


def select(records: Iterable[Example], labels: list[str] | None, scenario: Scenario) -> Selection:
    """`records` sorted by path; `labels` None means all. Raises InvalidRequest (`labels.unknown`).

    Labels that stand inside the objects are neither known nor selected here: the trainer does both.
    """
    is_known_here = scenario.spec.labels_from == "path"
    wanted = set(labels or ()) if is_known_here else set[str]()
    chosen, pictures = Selection(), list[Member]()
    by_status = {
        ExampleStatus.UNLABELLED: pictures,
        ExampleStatus.LABELLED: chosen.members,
        ExampleStatus.ANNOTATION: chosen.annotation_files,
    }
    for record in records:
        if record.label is not None:
            chosen.known_labels.add(record.label)
        if reason := _reason_to_leave_out(record, wanted):
            chosen.left_out[reason] += 1
        else:
            label = intern(record.label) if record.label is not None else None
            by_status[record.status].append(Member(record.path, label, record.etag, record.size_bytes))
    _refuse_unknown(wanted, chosen.known_labels)
    if scenario.pair is not None:
        _pair(chosen, pictures, scenario.pair)
    chosen.unlabelled_count = len(pictures) - (len(chosen.members) if scenario.pair is not None else 0)
    _leave_out_shadowed(chosen)
    return chosen


def _pair(chosen: Selection, pictures: list[Member], pair: Callable[[Sequence[str], Sequence[str]], Mapping[str, str]]) -> None:
    """Pictures with an annotation are the examples."""
    files = pair([picture.path for picture in pictures], [file.path for file in chosen.annotation_files])
    chosen.members = [picture._replace(annotation=files[picture.path]) for picture in pictures if picture.path in files]


def _reason_to_leave_out(record: Example, wanted: set[str]) -> str | None:
    if record.status is ExampleStatus.SKIPPED:
        return record.reason or "unknown"
    if wanted and record.status is ExampleStatus.LABELLED and record.label not in wanted:
        return "label_not_selected"
    if len(record.path) > MAX_NAME_BYTES // 4 and any(len(name.encode()) > MAX_NAME_BYTES for name in record.path.split("/")):
        return "name_too_long"
    return None


def _refuse_unknown(wanted: set[str], known: set[str]) -> None:
    """An empty dataset is not a wrong selection: the scenario's own check names that."""
    unknown = sorted(wanted - known)
    if unknown and known:
        raise InvalidRequest(
            "labels.unknown",
            f"The dataset has no label {', '.join(map(repr, unknown))}.",
            hint=f"Its labels: {', '.join(sorted(known)[:20])}{', ...' if len(known) > 20 else ''}.",
            details={"unknown": unknown, "known": sorted(known)[:100]},
        )


class _Folders(set[str]):
    """Every folder above a path."""

    def add(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        while folder and folder not in self:
            super().add(folder)
            folder = folder.rpartition("/")[0]


def _leave_out_shadowed(chosen: Selection) -> None:
    """`a.jpg` beside `a.jpg/b.jpg` is possible in S3, not in the directory that a container reads."""
    folders = _Folders()
    for member in (*chosen.members, *chosen.annotation_files):
        folders.add(member.path)
    chosen.annotation_files = [file for file in chosen.annotation_files if file.path not in folders]
    if any(member.path in folders for member in chosen.members):
        kept = [member for member in chosen.members if member.path not in folders]
        chosen.left_out["name_is_a_folder"] += len(chosen.members) - len(kept)
        chosen.members = kept


class Grouping(NamedTuple):
    """Members by equal content: the split of each etag, and how many occur again, or again under another label."""

    splits: dict[str, Split]
    duplicate_count: int
    conflicting_count: int


def group_and_split(members: Iterable[Member], settings: TaskSettings, *, is_split_inside: bool = False) -> Grouping:
    """`is_split_inside`: each member holds many examples, which the trainer splits; all of them are for training.

    Source of the idea to group by content: features D-12 and style of leakage-free splits (duplicates never straddle).
    """
    groups: dict[str, Group] = {}
    duplicates = conflicts = 0
    for member in members:
        known = groups.get(member.etag)
        if known is None:
            groups[member.etag] = Group(member.label or "")
            continue
        known.size += 1
        duplicates += 1
        conflicts += known.label != (member.label or "")
    if is_split_inside:
        return Grouping(dict.fromkeys(groups, "train"), duplicates, conflicts)
    shares = Shares(settings.validation_fraction, settings.test_fraction, settings.seed)
    return Grouping(split_groups(groups, shares), duplicates, conflicts)


def version_id(members: Iterable[Member], *, source_uri: str, scenario: str, settings: TaskSettings) -> str:
    """`v-` and 16 hexadecimal digits over everything that decides what the version's files say."""
    head = {
        "source_uri": source_uri,
        "scenario": scenario,
        "validation_fraction": settings.validation_fraction,
        "test_fraction": settings.test_fraction,
        "seed": settings.seed,
        "labels": sorted(set(settings.labels)) if settings.labels else None,
    }
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for member in members:
        digest.update(f"\n{member.path}\0{member.etag}\0{member.label}\0{member.size_bytes}".encode())
    return f"v-{digest.hexdigest()[:16]}"
