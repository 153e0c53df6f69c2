"""The command line: `droplearn COMMAND`. Needs the `cli` extra.

parser: what can be typed; commands: what each does; screen: how it looks.
"""

from __future__ import annotations

from droplearn.cli.main import main

__all__ = ["main"]
