"""How a text file is to be read: encoding, delimiter, header. Decided from the bytes, told in a note where it is not the usual."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from droplearn.scenarios.tables.source import TableSource, unreadable

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 256 * 1024
_CHUNK_BYTES = 1024 * 1024
_SAMPLE_ROWS = 200
_CHINESE_SHARE = 0.6
"""In GB 18030 text nearly every byte after a lead byte is 0xA1 or more (the GB 2312 square); in Latin-1 it is mostly an ASCII letter."""


@dataclass(frozen=True)
class TextFormat:
    """`header`: the cells of the first row, as written; `blank_lines`: how many empty lines stand before it;
    `has_rows`: whether anything follows it.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    blank_lines: int = 0
    has_rows: bool = True
    notes: tuple[str, ...] = ()


def open_bytes(source: TableSource) -> BinaryIO:
    """A new stream at the start of the file."""
    return io.BytesIO(source.content) if isinstance(source.content, bytes) else source.content.open("rb")


def find_format(source: TableSource) -> TextFormat:
    """Raises InvalidDataset (`dataset.unreadable_table`)."""
    with open_bytes(source) as stream:
        head = stream.read(SAMPLE_BYTES)
    encoding = find_encoding(source, head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not text.strip("\ufeff\r\n \t,;|"):
        raise unreadable(source.name, "it is empty.")
    delimiter = find_delimiter(text, source.name)
    header = tuple(next(_records(text, delimiter), ()))
    if not header:
        raise unreadable(source.name, f"its first row has a cell of more than {csv.field_size_limit():,} characters.")
    notes = () if encoding in ("utf-8", "utf-8-sig") else (f"{source.name} is not UTF-8; it was read as {encoding}.",)
    text = text.removeprefix("\ufeff")
    blank = text[: len(text) - len(text.lstrip("\r\n"))]
    has_rows = len(head) == SAMPLE_BYTES or any(True for _ in itertools.islice(_records(text, delimiter), 1, 2))
    return TextFormat(encoding, delimiter, header, len(blank.splitlines()), has_rows, notes)


def find_encoding(source: TableSource, head: bytes) -> str:
    """utf-8, utf-8-sig, utf-16, gb18030 or cp1252 (Latin-1 with its printable extras). Raises InvalidDataset for binary data."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in head:
        raise unreadable(source.name, "it holds binary data.")
    decoder, invalid = codecs.getincrementaldecoder("utf-8")(), 0
    followed = leads = 0
    with open_bytes(source) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if not invalid:
                invalid = _is_invalid(decoder, chunk)
            if invalid:
                more_leads, more_followed = _count_pairs(chunk)
                leads, followed = leads + more_leads, followed + more_followed
                if leads > 1000:
                    break
    if not invalid and not _is_invalid(decoder, b"", is_last=True):
        return "utf-8"
    return "gb18030" if followed >= _CHINESE_SHARE * max(leads, 1) else "cp1252"


def find_delimiter(text: str, name: str) -> str:
    """The one that cuts the header into several cells and most rows into as many. A tab for .tsv; a comma when there is one column."""
    best, best_score = ",", (0.0, 0)
    for delimiter in ("\t",) if name.lower().endswith(".tsv") else DELIMITERS:
        rows = [row for row, _ in zip(_records(text, delimiter), range(_SAMPLE_ROWS), strict=False) if row]
        if len(rows) > 2:
            rows = rows[:-1]  # the sample may end within a row
        width = len(rows[0]) if rows else 1
        if width < 2:
            continue
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        if score > best_score:
            best, best_score = delimiter, score
    return "\t" if name.lower().endswith(".tsv") else best


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """Rows that are not empty."""
    try:
        yield from (row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter) if row)
    except csv.Error:
        return


def _is_invalid(decoder: codecs.IncrementalDecoder, chunk: bytes, *, is_last: bool = False) -> bool:
    try:
        decoder.decode(chunk, is_last)
    except UnicodeDecodeError:
        return True
    return False


def _count_pairs(chunk: bytes) -> tuple[int, int]:
    """Lead bytes from 0x81 on, and how many are followed by a byte of the GB 2312 square."""
    leads = followed = place = 0
    while place < len(chunk) - 1 and leads < 2000:
        if chunk[place] < 0x81:
            place += 1
            continue
        leads += 1
        followed += chunk[place] >= 0xA1 and chunk[place + 1] >= 0xA1
        place += 2
    return leads, followed
