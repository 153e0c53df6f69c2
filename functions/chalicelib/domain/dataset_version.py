"""What belongs into a dataset version, and its content-addressed id. Pure; service/freezing.py reads and writes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

from chalicelib.domain.example import Example
from chalicelib.domain.splits import Group, Shares, split_groups
from droplearn.contracts.dataset import ExampleStatus, Split
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.training import TaskSettings

MAX_NAME_BYTES = 255
"""Of one file or folder name; a training container reads keys as files. Source: Linux, limits.h, NAME_MAX."""


class Member(NamedTuple):
    """A labelled example, as small as it goes: there may be a million at once."""

    path: str
    label: str
    etag: str
    size_bytes: int


@dataclass
class Selection:
    """The labelled examples that a version takes, sorted by path, and a count of those that it leaves out, by reason."""

    members: list[Member] = field(default_factory=list)
    unlabelled_count: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    known_labels: set[str] = field(default_factory=set)


def select(records: Iterable[Example], labels: list[str] | None) -> Selection:
    """`records` sorted by path; `labels` None means all. Raises InvalidRequest (`labels.unknown`)."""
    chosen, wanted, folders = Selection(), set(labels or ()), _Folders()
    for record in records:
        if record.status is ExampleStatus.UNLABELLED:
            chosen.unlabelled_count += 1
        elif record.status is ExampleStatus.SKIPPED:
            chosen.left_out[record.reason or "unknown"] += 1
        elif record.status is ExampleStatus.LABELLED and record.label is not None:
            chosen.known_labels.add(record.label)
            if reason := _reason_to_leave_out(record, record.label, wanted):
                chosen.left_out[reason] += 1
            else:
                folders.add(record.path)
                chosen.members.append(Member(record.path, intern(record.label), record.etag, record.size_bytes))
    _refuse_unknown(wanted, chosen.known_labels)
    _leave_out_shadowed(chosen, folders)
    return chosen


def _reason_to_leave_out(record: Example, label: str, wanted: set[str]) -> str | None:
    if wanted and label not in wanted:
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


def _leave_out_shadowed(chosen: Selection, folders: set[str]) -> None:
    """`a.jpg` beside `a.jpg/b.jpg` is possible in S3, not in the directory that a container reads."""
    if any(member.path in folders for member in chosen.members):
        kept = [member for member in chosen.members if member.path not in folders]
        chosen.left_out["name_is_a_folder"] += len(chosen.members) - len(kept)
        chosen.members = kept


class Grouping(NamedTuple):
    """Members by equal content: the split of each etag, and how many occur again, or again under another label."""

    splits: dict[str, Split]
    duplicate_count: int
    conflicting_count: int


def group_and_split(members: Iterable[Member], settings: TaskSettings) -> Grouping:
    """Source of the idea to group by content: features D-12 and style of leakage-free splits (duplicates never straddle)."""
    groups: dict[str, Group] = {}
    duplicates = conflicts = 0
    for member in members:
        known = groups.get(member.etag)
        if known is None:
            groups[member.etag] = Group(member.label)
            continue
        known.size += 1
        duplicates += 1
        conflicts += known.label != member.label
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
