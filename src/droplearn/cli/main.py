"""The entry point: parse, run, print one JSON document or a few lines, and turn errors into an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from droplearn.cli.parser import make_parser
from droplearn.cli.screen import Screen
from droplearn.contracts.errors import DropLearnError


def main(argv: Sequence[str] | None = None) -> int:
    """0: done. 1: it did not succeed (the document or the message says why). 2: the words are wrong. 130: interrupted."""
    options = make_parser().parse_args(argv)
    screen = Screen(is_json=options.json)
    try:
        outcome = options.run(options, screen)
    except DropLearnError as error:
        screen.close()
        if options.json:
            sys.stdout.write(json.dumps({"error": error.to_dict()}, ensure_ascii=False) + "\n")
        screen.complain(error)
        return 1
    except KeyboardInterrupt:
        screen.close()
        return 130
    screen.close()
    if options.json:
        sys.stdout.write(json.dumps(outcome.document, ensure_ascii=False) + "\n")
    return 0 if outcome.is_success else 1


if __name__ == "__main__":
    sys.exit(main())
