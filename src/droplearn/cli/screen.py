"""How it looks: progress on stderr, results on stdout, nothing but one document with `--json`."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from droplearn.contracts.errors import DropLearnError


class Screen:
    """Bars are drawn only in a terminal; elsewhere each change of the text is one line, so that logs stay readable."""

    def __init__(self, is_json: bool) -> None:
        self.is_json = is_json
        self._out = Console(quiet=is_json, highlight=False, soft_wrap=True)
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._bar: TaskID | None = None
        self._last_text = ""

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self.close()
        self._out.print(text, markup=False)

    def table(self, title: str, columns: list[str], rows: list[list[Any]]) -> None:
        """A small table; an empty one says so."""
        self.close()
        made = Table(title=title, title_justify="left", title_style="bold")
        for name in columns:
            made.add_column(name, overflow="fold")
        for row in rows:
            made.add_row(*("" if cell is None else str(cell) for cell in row))
        self._out.print(made if rows else f"{title}: none")

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
        self._errors.print(f"droplearn: {error.message}", markup=False, style="bold red")
        if error.hint:
            self._errors.print(error.hint, markup=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        sys.stdout.flush()
