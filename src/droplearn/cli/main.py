"""The entry point: parse, run, print one JSON document or a few lines, and turn errors into an exit status."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from droplearn.cli.parser import make_parser
from droplearn.cli.screen import Screen
from droplearn.contracts.errors import DropLearnError, InvalidRequest


def main(argv: Sequence[str] | None = None) -> int:
    """0: done. 1: it did not succeed (the document or the message says why). 2: the words are wrong. 130: interrupted."""
    options = make_parser().parse_args(argv)
    screen = Screen(is_json=options.json)
    try:
        return _done(options, screen)
    except DropLearnError as error:
        return _refused(error, screen)
    except BrokenPipeError:  # of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _refused(_of_file(error), screen)
    except KeyboardInterrupt:
        screen.close()
        sys.stderr.write("\nInterrupted. What was started goes on: `droplearn status` shows it, `droplearn stop ID` ends it.\n")
        return 130


def _done(options: argparse.Namespace, screen: Screen) -> int:
    outcome = options.run(options, screen)
    screen.close()
    if options.json:
        sys.stdout.write(json.dumps(outcome.document, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return 0 if outcome.is_success else 1


def _refused(error: DropLearnError, screen: Screen) -> int:
    screen.close()
    if screen.is_json:
        sys.stdout.write(json.dumps({"error": error.to_dict()}, ensure_ascii=False) + "\n")
    screen.complain(error)
    return 1


def _of_file(error: OSError) -> InvalidRequest:
    told = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."
    return InvalidRequest("file.not_usable", told, hint="Name another path, or change its permissions.")


if __name__ == "__main__":
    sys.exit(main())
