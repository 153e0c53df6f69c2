"""The command line: `droplearn COMMAND`. Needs the `cli` extra.

parser: all that can be typed; a module a command: its words, and what it does; screen: how it looks.
"""

from __future__ import annotations

from droplearn.cli.main import main

__all__ = ["main"]
