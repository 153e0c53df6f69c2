"""How a dataset writes: letter case and character width, learnt from its transcripts, applied to whatever is read.

A set whose transcripts are all in capitals (many are) wants `TOTAL` where the page says `Total`; and case then counts in no metric.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

LetterCase = Literal["as_read", "upper", "lower"]
_MOSTLY = 0.98
_FEW = 20


@dataclass(frozen=True)
class Conventions:
    """`is_half_width`: no full-width letters, digits or punctuation occur (`：` is written `:`)."""

    letter_case: LetterCase = "as_read"
    is_half_width: bool = False

    @property
    def is_case_sensitive(self) -> bool:
        """Whether case counts when texts are compared."""
        return self.letter_case == "as_read"

    def write(self, text: str) -> str:
        """The text as the dataset would write it."""
        if self.is_half_width:
            text = unicodedata.normalize("NFKC", text)
        return {"upper": text.upper(), "lower": text.lower()}.get(self.letter_case, text)

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Conventions:
        """From the manifest."""
        return cls(told.get("letter_case", "as_read"), bool(told.get("is_half_width", False)))


def learn_conventions(texts: Iterable[str]) -> Conventions:
    """From transcripts; too few letters say nothing."""
    joined = "".join(texts)
    cased = [c for c in joined if c.lower() != c.upper()]
    upper = sum(c.isupper() for c in cased)
    letter_case: LetterCase = "as_read"
    if len(cased) >= _FEW and upper >= _MOSTLY * len(cased):
        letter_case = "upper"
    elif len(cased) >= _FEW and upper <= (1 - _MOSTLY) * len(cased):
        letter_case = "lower"
    return Conventions(letter_case, is_half_width=unicodedata.normalize("NFKC", joined) == joined)


def line_key(text: str, is_case_sensitive: bool) -> str:
    """Two lines are read alike when these are equal: no white space, usual forms of characters, case where it counts."""
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    return plain if is_case_sensitive else plain.casefold()
