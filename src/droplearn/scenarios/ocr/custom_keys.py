"""Keys that a caller types (Y-4) and no model learnt: what stands behind, right of or below the words on the page."""

from __future__ import annotations

from droplearn.scenarios.ocr.fields.layout import Layout
from droplearn.scenarios.ocr.fields.values import comparable

_LONGEST_KEY = 60
_BEHIND = " \t:：=-.#"


def find_key(layout: Layout, key: str) -> tuple[str, tuple[int, ...]] | None:
    """The value and the lines that it was taken from; None where the page does not show the key.

    `Phone: 123` is the value 123; a line that is nothing but the key has its value to the right, else below.
    """
    wanted = comparable(key[:_LONGEST_KEY])
    if not wanted:
        return None
    for index, line in enumerate(layout.lines):
        rest = _behind(line.text, wanted)
        if rest is None:
            continue
        if rest:
            return rest, (index,)
        for other in (layout.rights[index], layout.beside(index, 1)):
            if other is not None and (text := layout.lines[other].text.strip(_BEHIND)):
                return text, (other,)
    return None


def _behind(text: str, wanted: str) -> str | None:
    """What follows the key at the start of a line; None where the line does not start with it as whole words."""
    for end in range(1, len(text) + 1):
        start = comparable(text[:end])
        if start == wanted and not (text[end : end + 1].isalnum() and text[end - 1 : end].isalnum()):
            return text[end:].strip(_BEHIND)
        if len(start) > len(wanted):
            return None
    return None
