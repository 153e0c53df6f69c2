"""What a field's value is: kinds (text, date, amount), the part of a line that is the value, and when two values are the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

Kind = Literal["text", "date", "amount"]

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY, _YEAR = r"(?:[12]\d|3[01]|0?[1-9])", r"(?:19|20)\d\d"
_END = r"(?!\d(?!\d?:\d\d))"
"""No further digit, unless a time follows: the blank before it is often not read (`27/02/201815:32`)."""
DATE = re.compile(
    r"(?<!\d)(?:"
    rf"{_YEAR}\s?([-/.年])\s?(?:0?[1-9]|1[0-2])\s?(?:\1|月)\s?{_DAY}\s?日?(?!\d)"
    rf"|{_DAY}\s?([-/.])\s?{_DAY}\s?\2\s?{_YEAR}{_END}"
    rf"|{_DAY}\s?([-/.])\s?{_DAY}\s?\3\s?\d\d(?!\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?[\s\-/,.]*{_MONTH}[\s\-/,.']*(?:{_YEAR}{_END}|\d\d(?!\d))"
    rf"|{_MONTH}\s*\d{{1,2}}(?:st|nd|rd|th)?[\s,.]+{_YEAR}{_END}"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r")",
    re.IGNORECASE,
)
AMOUNT = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:[,. ]\d{3})+|\d+)[.,]\d{2}(?![\d]|[.,]\d)")
_PATTERNS: dict[str, re.Pattern[str]] = {"date": DATE, "amount": AMOUNT}
_MOSTLY = 0.9
_SEPARATORS = "./:-"
_SPACED = re.compile(r"(?<=\d)\s*([./:\-])\s*(?=\d)")


def parts(kind: Kind, text: str) -> list[str]:
    """What a line holds of that kind: each date, each amount; of text the line itself."""
    if kind == "text":
        return [text] if text.strip() else []
    return [m.group(0).strip() for m in _PATTERNS[kind].finditer(_plain(text))]


def kind_of(texts: Sequence[str]) -> Kind:
    """Of a field, from its annotated lines or values: a date or an amount where nearly every one holds exactly one.

    An amount has to be most of its line: `RICE 5KG 19.00` is a line of goods.
    """
    for kind in ("date", "amount"):
        found = [parts(kind, text) for text in texts]
        hits = [i for i, p in enumerate(found) if len(p) == 1]
        if not texts or len(hits) < _MOSTLY * len(texts):
            continue
        shares = sorted(len(found[i][0]) / max(1, len(texts[i].strip())) for i in hits)
        if kind == "date" or shares[len(shares) // 2] >= 0.5:
            return kind
    return "text"


def comparable(value: str, kind: Kind = "text") -> str:
    """Two values are the same when these are: no case, no white space, no punctuation but . / : - between two digits.

    Of a date or an amount only that part counts (`RM 33.90` is `33.90`).
    """
    found = parts(kind, value)
    text = _plain(found[0] if kind != "text" and found else value).casefold()
    text = _SPACED.sub(r"\1", text)
    return "".join(c for i, c in enumerate(text) if unicodedata.category(c)[0] in "LNM" or _parts_digits(text, i))


def _parts_digits(text: str, index: int) -> bool:
    return text[index] in _SEPARATORS and text[index - 1 : index].isdigit() and text[index + 1 : index + 2].isdigit()


def exact(value: str) -> str:
    """The stricter rule: punctuation counts, runs of white space are one blank, case does not count."""
    return " ".join(_plain(value).casefold().split())


def _plain(text: str) -> str:
    """Full-width letters, digits and punctuation as their usual forms."""
    return unicodedata.normalize("NFKC", text)
