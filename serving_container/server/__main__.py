"""`python -m server serve`: SageMaker starts the container with the word `serve`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings

from droplearn.contracts.errors import DropLearnError
from server.json_log import log
from server.settings import read_settings


def main(arguments: list[str]) -> int:
    """The exit status. SIGTERM ends it well from the first moment: the first process of a container would not hear it otherwise.

    Not by an exception, which whatever is being imported meanwhile may turn into another one. There is nothing to tidy up yet.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    parser = argparse.ArgumentParser(prog="server", description="Serve the model in /opt/ml/model.")
    parser.add_argument("command", choices=["serve"])
    parser.parse_args(arguments)
    warnings.filterwarnings("ignore", module="PIL")  # it warns about damaged metadata; what matters is raised
    try:
        settings = read_settings(os.environ)
    except DropLearnError as error:
        log("settings_refused", "error", **error.to_dict())
        return 1
    from server.run import run

    return run(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
