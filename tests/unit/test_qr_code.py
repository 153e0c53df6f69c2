"""The QR code of a preview scans from a light terminal as from a dark one: what is written is drawn as a terminal does, and decoded."""

from __future__ import annotations

import os
import pty
import re
import sys
from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from chalicelib.api.qr import as_text
from droplearn.cli.screen import Screen

URL = "https://d3example.execute-api.eu-west-1.amazonaws.com/v1/preview/preview-01hzy0v0m3n8d2k4q6s7t9w1x5_abcdefghijklmnop"
BLACK, WHITE = 0, 255
DRAWN = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}
"""Which halves of a cell are of the foreground."""


class Terminal(NamedTuple):
    """Its own colours."""

    foreground: int
    background: int


DARK, LIGHT = Terminal(WHITE, BLACK), Terminal(BLACK, WHITE)
COLOURS = {"38;5;231;48;5;16": Terminal(WHITE, BLACK)}


def decoded(written: str, terminal: Terminal, module_px: int = 8) -> str:
    """The terminal's window, with some of its own background around the text, as a phone sees it."""
    lines = [line for line in written.splitlines() if re.sub(r"\x1b\[[0-9;]*m", "", line)]
    width = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    window = np.full((2 * len(lines) + 8, width + 8), terminal.background, np.uint8)
    for row, line in enumerate(lines):
        colours, column = terminal, 0
        for told, letter in re.findall(r"\x1b\[([0-9;]*)m|(.)", line):
            if letter:
                halves = [colours.foreground if is_drawn else colours.background for is_drawn in DRAWN[letter]]
                window[4 + 2 * row : 6 + 2 * row, 4 + column] = halves
                column += 1
            else:
                colours = COLOURS.get(told, terminal)
    picture = np.kron(window, np.ones((module_px, module_px), np.uint8))
    return str(cv2.QRCodeDetector().detectAndDecode(picture)[0])


def shown_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> str:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as seen:
        with os.fdopen(theirs, "w") as out:
            monkeypatch.setattr(sys, "stdout", out)
            Screen(is_json=False).qr_code(as_text(URL))
        written = b""
        with suppress(OSError):  # its end: nobody writes any more
            while part := os.read(seen.fileno(), 65536):
                written += part
    return written.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("terminal", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("no_color", [None, "1"])
def test_it_scans_from_any_terminal(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, no_color: str | None):
    monkeypatch.setenv("TERM", "xterm-256color")
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    assert decoded(shown_in_a_terminal(monkeypatch), terminal) == URL


def test_a_file_gets_text_and_no_colours(capsys: pytest.CaptureFixture[str]):
    Screen(is_json=False).qr_code(as_text(URL))
    written = capsys.readouterr().out
    assert written == as_text(URL)
    assert decoded(written, DARK) == URL


def test_one_document_holds_no_drawing(capsys: pytest.CaptureFixture[str]):
    Screen(is_json=True).qr_code(as_text(URL))
    assert capsys.readouterr().out == ""


def test_the_quiet_zone_is_four_modules_wide():
    lines = as_text(URL).splitlines()
    assert all(line.startswith("\u2588" * 4) and line.endswith("\u2588" * 4) for line in lines[:-1])
    assert lines[0] == lines[1] == "\u2588" * len(lines[0])
