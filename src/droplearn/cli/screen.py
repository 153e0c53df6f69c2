"""How it looks: progress on stderr, results on stdout, nothing but one document with `--json`."""

from __future__ import annotations

import re
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from droplearn.contracts.errors import DropLearnError

_ANY_WIDTH = 10_000
_WHITE_ON_BLACK, _AS_BEFORE = "\x1b[38;5;231;48;5;16m", "\x1b[0m"
"""The two colours of the 256 that no theme changes."""
_ID = re.compile(r"[a-z]+-[0-9a-z]{26}")
_DATE_WIDTH = len("2026-01-31")
_MOMENT_SHOWN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{3}Z")


class Screen:
    """Bars are drawn only in a terminal; elsewhere each change of the text is one line, and no line is folded: logs stay readable."""

    def __init__(self, is_json: bool) -> None:
        self.is_json = is_json
        width = None if sys.stdout.isatty() else _ANY_WIDTH
        self._out = Console(quiet=is_json, highlight=False, soft_wrap=True, width=width)
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._bar: TaskID | None = None
        self._last_text = ""

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self.close()
        self._out.print(text, markup=False)

    def qr_code(self, text: str) -> None:
        """Its light modules are drawn. A terminal is told their colours: a light one shows it like a dark one."""
        self.close()
        is_coloured = self._out.is_terminal and not self._out.is_dumb_terminal
        for line in text.splitlines():
            self._out.out(f"{_WHITE_ON_BLACK}{line}{_AS_BEFORE}" if is_coloured else line, highlight=False)

    def table(self, title: str, columns: list[str], rows: list[list[Any]]) -> None:
        """A small table; an empty one says so. The id that a row begins with is never folded: it is there to be copied."""
        self.close()
        if not rows:
            self._out.print(f"{title}: none", markup=False)
            return
        made = Table(title=Text(title), title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), header_style="bold")
        shown = [[_shown(cell) for cell in row] for row in rows]
        for place, name in enumerate(columns):
            is_id = place == 0 and all(_ID.fullmatch(row[0]) for row in shown)
            is_moment = any(_MOMENT_SHOWN.fullmatch(row[place]) for row in shown)
            made.add_column(Text(name), overflow="fold", no_wrap=is_id, min_width=_DATE_WIDTH if is_moment else None)
        for row in shown:
            made.add_row(*map(Text, row))
        self._out.print(made)

    def progress(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Where the work stands."""
        if not self._errors.is_terminal:
            if text != self._last_text:
                self._errors.print(text, markup=False)
            self._last_text = text
            return
        if self._progress is None:
            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
            self._progress = Progress(*columns, console=self._errors, transient=True)
            self._progress.start()
            self._bar = self._progress.add_task(text, total=None)
        assert self._bar is not None  # noqa: S101 (made together with the bar)
        self._progress.update(self._bar, description=text, completed=done or 0, total=total)

    def complain(self, error: DropLearnError) -> None:
        """What is wrong and what to do about it."""
        self._errors.print(f"droplearn: {moment(error.message)}", markup=False, style="bold red")
        if error.hint:
            self._errors.print(moment(error.hint), markup=False)

    def advise(self, text: str) -> None:
        """A line beside the result, on stderr."""
        self.close()
        self._errors.print(text, markup=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        sys.stdout.flush()


def moment(text: str) -> str:
    """Moments to the second, in UTC; the rest of the text as it is."""
    return _MOMENT.sub(r"\1 \2Z", text)


def _shown(cell: object) -> str:
    return "" if cell is None else moment(str(cell))
