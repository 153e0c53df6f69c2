"""Reads annotated pages, all cores at work; what was read survives a restart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.ocr.reading.reader import Reader
from droplearn.scenarios.ocr.records import PageRecord, make_record
from droplearn.scenarios.ocr.training.examples import LearningPage


@dataclass
class PageCache:
    """Records by content and annotation, in a file of one JSON object a line, named after the networks and settings that read them."""

    file: Path
    records: dict[tuple[str, str], PageRecord] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, networks: Sequence[bytes], *settings: object) -> PageCache:
        """With what an earlier attempt left."""
        digest = hashlib.sha256(repr(settings).encode())
        for network in networks:
            digest.update(hashlib.sha256(network).digest())
        cache = cls(folder / f"pages-{digest.hexdigest()[:16]}.jsonl")
        cache.records = {(r.etag, r.path): r for r in map(PageRecord.from_dict, _lines(cache.file))}
        return cache

    def find(self, page: LearningPage) -> PageRecord | None:
        """Of this page."""
        return self.records.get((page.example.etag, page.example.path))

    def add(self, record: PageRecord) -> None:
        """In memory and in the file."""
        self.records[record.etag, record.path] = record
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record.to_dict(), ensure_ascii=False) + "\n")


def read_pages(
    pages: Sequence[LearningPage], reader: Reader, cache: PageCache, context: TrainingContext, reserve_s: float = 0.0
) -> list[PageRecord]:
    """Records in the order of the pages; fewer when no more than `reserve_s` seconds of the training are left. Raises StoppedEarly."""

    def work(page: LearningPage) -> PageRecord | None:
        if (known := cache.find(page)) is not None:
            return replace(known, split=page.example.split, is_old=page.is_old)
        if context.deadline.remaining_s() < reserve_s:
            return None
        try:
            return make_record(page.example, page.reader.read(page.example), reader, is_old=page.is_old)
        except Unusable:  # it was readable when it was checked: deleted since then
            return None

    found: dict[tuple[bool, str], PageRecord] = {}
    for done, record in enumerate(in_threads(work, pages, context.deadline.check), start=1):
        if record is not None:
            found[record.is_old, record.path] = record
            if (record.etag, record.path) not in cache.records:
                cache.add(record)
        context.log.progress("read", done, len(pages))
    keys = [(page.is_old, page.example.path) for page in pages]
    return [found[key] for key in keys if key in found]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Whole ones: the last may have been cut off by a crash."""
    if file.exists():
        for line in file.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                return
