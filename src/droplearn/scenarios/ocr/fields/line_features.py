"""What a line shows of its field: its letters and shape, its neighbours', where it stands, and how its date or amount compares with others.

Every feature is a named token with a weight; a page gives one mapping a line. No language is assumed: keywords are learnt as tokens.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from droplearn.scenarios.ocr.fields.layout import Layout
from droplearn.scenarios.ocr.fields.values import parts

Tokens = dict[str, float]

_WORD = re.compile(r"\w+", re.UNICODE)
_MAX_CHARACTERS = 80
_NEIGHBOURS = (("left", 0.7), ("above", 0.5), ("below", 0.4), ("right", 0.4))


def page_tokens(layout: Layout) -> list[Tokens]:
    """One mapping a line, in reading order."""
    numbers = _numbers(layout)
    return [_line_tokens(layout, i) | numbers[i] for i in range(len(layout.lines))]


def _line_tokens(layout: Layout, index: int) -> Tokens:
    line = layout.lines[index]
    tokens: Tokens = {"bias": 1.0}
    tokens |= _weighted("g", _grams(line.text.casefold(), 2, 4), 1.0)
    tokens |= _weighted("s", _grams(shape_of(line.text), 2, 5), 0.7)
    tokens |= _weighted("w", Counter(words_of(line.text)), 0.7)
    for name, weight in _NEIGHBOURS:
        other = _neighbour(layout, index, name)
        if other is None:
            tokens[f"{name}:none"] = 0.5
            continue
        text = layout.lines[other].text
        tokens |= _weighted(f"{name}.w", Counter(words_of(text)), weight)
        tokens |= _weighted(f"{name}.g", _grams(text.casefold(), 3, 4), 0.7 * weight)
    return tokens | dict.fromkeys(_places(layout, index), 0.5) | dict.fromkeys(_forms(line.text), 0.5)


def _neighbour(layout: Layout, index: int, name: str) -> int | None:
    if name in ("left", "right"):
        return (layout.lefts if name == "left" else layout.rights)[index]
    return layout.beside(index, -1 if name == "above" else 1)


def words_of(text: str) -> list[str]:
    """Lower case; a number is its shape: its digits are chance."""
    return [re.sub(r"\d", "9", word) for word in _WORD.findall(text.casefold())]


def shape_of(text: str) -> str:
    """Digits 9, capitals A, other letters a; the rest as it is."""
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in text)


def _grams(text: str, shortest: int, longest: int) -> Counter[str]:
    padded = f"^{text[:_MAX_CHARACTERS]}$"
    return Counter(padded[i : i + n] for n in range(shortest, longest + 1) for i in range(len(padded) - n + 1))


def _weighted(prefix: str, counts: Counter[str], weight: float) -> Tokens:
    """Scaled to length `weight`: a long line says no more than a short one."""
    length = sum(n * n for n in counts.values()) ** 0.5
    return {f"{prefix}:{token}": weight * n / length for token, n in counts.items()}


def _places(layout: Layout, index: int) -> Iterator[str]:
    line, last_row = layout.lines[index], layout.rows[-1]
    row = layout.rows[index]
    yield f"row:{min(row, 12)}"
    yield f"row-from-end:{min(last_row - row, 12)}"
    yield f"row-share:{round(10 * row / max(1, last_row))}"
    yield f"left:{round(8 * line.left)}"
    yield f"right:{round(8 * line.right)}"
    yield f"top:{round(12 * line.top)}"
    yield f"width:{round(6 * (line.right - line.left))}"
    yield f"centred:{abs(line.left + line.right - 1) < 0.12}"
    yield f"height:{min(round(4 * line.height / max(layout.median_height, 1e-6)), 10)}"


def _forms(text: str) -> Iterator[str]:
    length = max(1, len(text))
    yield f"length:{min(length // 4, 12)}"
    yield f"digits:{round(5 * sum(c.isdigit() for c in text) / length)}"
    yield f"capitals:{round(3 * sum(c.isupper() for c in text) / length)}"
    yield f"commas:{min(text.count(','), 4)}"
    yield f"words:{min(len(text.split()), 8)}"
    yield f"colon:{':' in text}"


def _numbers(layout: Layout) -> list[Tokens]:
    """Dates and amounts: which of a page's it is, from the top and by size, and how often it occurs."""
    tokens: list[Tokens] = [{} for _ in layout.lines]
    amounts = [(i, _as_number(p[-1])) for i, line in enumerate(layout.lines) if (p := parts("amount", line.text))]
    largest = max((value for _, value in amounts), default=0.0)
    distinct = sorted({value for _, value in amounts}, reverse=True)
    often = Counter(value for _, value in amounts)
    for i, value in amounts:
        tokens[i] |= dict.fromkeys(
            (
                "amount",
                f"amount-rank:{min(distinct.index(value), 5)}",
                f"amount-share:{round(5 * value / largest) if largest else 0}",
                f"amount-times:{min(often[value], 6)}",
                f"amount-last:{value == amounts[-1][1]}",
                f"amount-zero:{value == 0}",
                f"amount-often-rank:{min(distinct.index(value), 3)}-{min(often[value], 4)}",
            ),
            0.5,
        )
    dated = [i for i, line in enumerate(layout.lines) if parts("date", line.text)]
    for place, i in enumerate(dated):
        tokens[i] |= dict.fromkeys(("date", f"date-place:{min(place, 4)}", f"dates:{min(len(dated), 5)}"), 0.7)
    return tokens


def _as_number(amount: str) -> float:
    """The last two digits are the fraction, whatever the separators."""
    return int(re.sub(r"\D", "", amount)) / 100
