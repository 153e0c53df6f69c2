"""`python -m droplearn.cli.reference > docs/reference/command-line.md`: every command and option, from the parser itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from droplearn.cli.parser import make_parser

_OF_ALL = {"help", "json", "connection"}
_HEAD = """# Command line

Made from the parser by `python -m droplearn.cli.reference`; a test compares the two. `droplearn COMMAND --help` shows the same.

| every command has | |
|---|---|
| `--json` | one JSON document on stdout, nothing else; an error as `{"error": {"code", "message", "hint"}}` |
| `--connection FILE` | which droplearn: a connection.json or its folder; else `DROPLEARN_CONNECTION`, else `./.droplearn/connection.json` |

Durations are written `90s`, `10m`, `1h`, `2d`. Exit status: 0 done, 1 it did not succeed (the message or the document says why), 2 the
words are wrong, 130 interrupted: what was started goes on. Results go to stdout, progress and errors to stderr. Moments are UTC.
"""


def as_markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for words, parser in _commands((), make_parser()) for line in _section(words, parser))])


def _commands(words: tuple[str, ...], parser: argparse.ArgumentParser) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield words, parser
    for group in groups:
        for name, inner in group.choices.items():
            yield from _commands((*words, name), inner)


def _section(words: tuple[str, ...], parser: argparse.ArgumentParser) -> Iterator[str]:
    actions = [action for action in parser._actions if action.dest not in _OF_ALL]
    given = [_positional(action) for action in actions if not action.option_strings]
    yield f"## `{' '.join(['droplearn', *words, *given])}`\n"
    yield f"{_sentence(parser.description or '')}.\n"
    if actions:
        yield "| | |\n|---|---|"
        yield from (f"| `{_name(action)}` | {_told(action)} |" for action in actions)
        yield ""


def _positional(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest).upper()
    return {"?": f"[{name}]", "+": f"{name} ..."}.get(str(action.nargs), name)


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return _positional(action)
    value = f"{{{','.join(map(str, action.choices))}}}" if action.choices else str(action.metavar or action.dest.upper())
    return action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"


def _told(action: argparse.Action) -> str:
    needed = ["needed"] if action.required and action.option_strings else []
    return "; ".join([*needed, *([action.help] if action.help else [])]).replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
