"""`droplearn up`: droplearn on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.values import port
from droplearn.cli.words import Command, Options
from droplearn.contracts.errors import NotFound


def add_up(command: Command) -> None:
    """Its words."""
    parser = command("up", up, "start droplearn on this machine: AWS endpoint, HTTP API, and all that runs behind them")
    parser.add_argument("--state", type=Path, default=Path(".droplearn"), help="folder that keeps everything (default: .droplearn)")
    parser.add_argument("--port", type=port, help="port of the AWS endpoint; the HTTP API listens on the next one")


def up(options: Options, _screen: Screen) -> Outcome:
    """Becomes the twin: does not return."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "twin").is_dir():
        raise NotFound(
            "up.no_checkout",
            "`droplearn up` needs a checkout of the repository.",
            hint="Clone it, run `make setup`, and call .venv/bin/droplearn up there.",
        )
    words = [sys.executable, "-m", "twin", "--state", str(options.state.resolve())]
    words += ["--port", str(options.port)] if options.port else []
    words += ["--json"] if options.json else []
    path = os.pathsep.join([str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    os.execve(sys.executable, words, os.environ | {"PYTHONPATH": path})  # noqa: S606 (no shell: an argument list)
