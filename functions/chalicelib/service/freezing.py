"""Freeze a dataset: read all its examples once, and write a content-addressed version to the artifact bucket.

What is there already is not written again: a retry costs a read. version.json comes last: where it is, the other files are complete.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile

from chalicelib.domain.dataset_version import Grouping, Member, Selection, group_and_split, select, version_id
from chalicelib.ports import Artifacts, ExampleStore
from droplearn.contracts.dataset import DatasetVersion, Split, VersionExample
from droplearn.contracts.errors import InternalError
from droplearn.contracts.s3_layout import dataset_prefix, s3_uri, version_prefix
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named

EXAMPLES, IMAGES, VERSION = "examples.jsonl", "images.manifest", "version.json"


def freeze(
    store: ExampleStore,
    artifacts: Artifacts,
    *,
    project: str,
    dataset: str,
    settings: TaskSettings,
    scenario: str,
    now: str,
) -> DatasetVersion:
    """An empty dataset gives a version without labels and without files, for the scenario's check to refuse.

    Raises InvalidRequest (`labels.unknown`) when a selected label does not occur.
    """
    source_uri = s3_uri(store.data_bucket, dataset_prefix(project, dataset))
    known = scenario_named(scenario)
    chosen = select(store.read_all(project, dataset), settings.labels, known)
    members = [*chosen.members, *chosen.annotation_files]
    id_ = version_id(members, source_uri=source_uri, scenario=scenario, settings=settings)
    grouping = group_and_split(chosen.members, settings, is_split_inside=known.spec.labels_from == "rows")
    version = DatasetVersion(
        version_id=id_,
        project=project,
        dataset=dataset,
        scenario=scenario,
        source_uri=source_uri,
        created_at=now,
        selected_labels=settings.labels,
        **_summary(chosen, grouping),
    )
    if chosen.members and artifacts.read(version_prefix(id_) + VERSION) is None:
        _write(artifacts, version, chosen.members, grouping.splits)
    return version


def read_version(artifacts: Artifacts, id_: str) -> DatasetVersion:
    """One that was frozen. Raises InternalError (`version.lost`)."""
    body = artifacts.read(version_prefix(id_) + VERSION)
    if body is None:
        raise InternalError("version.lost", f"Dataset version {id_} is gone.")
    return DatasetVersion.from_json(body)


def _summary(chosen: Selection, grouping: Grouping) -> dict[str, object]:
    label_counts = Counter(member.label for member in chosen.members if member.label is not None)
    return {
        "labels": sorted(label_counts),
        "label_counts": {label: label_counts[label] for label in sorted(label_counts)},
        "split_counts": dict(sorted(Counter(grouping.splits[member.etag] for member in chosen.members).items())),
        "unlabelled_count": chosen.unlabelled_count,
        "skipped_counts": dict(sorted(chosen.left_out.items())),
        "duplicate_count": grouping.duplicate_count,
        "conflicting_count": grouping.conflicting_count,
        "size_bytes": sum(member.size_bytes for member in (*chosen.members, *chosen.annotation_files)),
        "annotation_files": [file.path for file in chosen.annotation_files],
    }


def _write(artifacts: Artifacts, version: DatasetVersion, members: list[Member], splits: dict[str, Split]) -> None:
    prefix = version_prefix(version.version_id)
    paths = sorted([*(member.path for member in members), *version.annotation_files])
    _write_lines(artifacts, prefix + EXAMPLES, (example_line(member, splits[member.etag]) for member in members))
    _write_lines(artifacts, prefix + IMAGES, manifest_lines(version.source_uri, paths))
    artifacts.write(prefix + VERSION, version.to_json().encode())


def example_line(member: Member, split: Split) -> str:
    """One line of examples.jsonl."""
    example = VersionExample(
        path=member.path,
        label=member.label,
        split=split,
        etag=member.etag,
        size_bytes=member.size_bytes,
        annotation={"file": member.annotation} if member.annotation is not None else None,
    )
    return example.model_dump_json(exclude_none=True) + "\n"


def manifest_lines(source_uri: str, paths: list[str]) -> Iterator[str]:
    """`[{"prefix": "s3://bucket/p/d/"}, "cat/a.jpg", ...]`. Source: Amazon SageMaker API Reference, S3DataSource, ManifestFile."""
    yield "[" + json.dumps({"prefix": source_uri}, ensure_ascii=False)
    for path in paths:
        yield ",\n" + json.dumps(path, ensure_ascii=False)
    yield "]\n"


def _write_lines(artifacts: Artifacts, key: str, lines: Iterable[str]) -> None:
    """Through a file on disk, so that a million lines do not stand in memory."""
    with TemporaryFile() as file:
        file.writelines(line.encode() for line in lines)
        file.seek(0)
        artifacts.upload(key, file)
