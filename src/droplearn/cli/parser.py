"""What can be typed: each command's words stand beside what it does."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from droplearn import __version__
from droplearn.cli.batch import add_batch
from droplearn.cli.budgeting import add_budget
from droplearn.cli.deleting import add_delete
from droplearn.cli.deploying import add_deploy
from droplearn.cli.dropping import add_drop
from droplearn.cli.evaluating import add_evaluate
from droplearn.cli.exporting import add_export
from droplearn.cli.looking import add_looks
from droplearn.cli.predicting import add_predict
from droplearn.cli.previewing import add_preview
from droplearn.cli.service_life import add_life
from droplearn.cli.service_testing import add_tests
from droplearn.cli.service_token import add_rotate
from droplearn.cli.service_versions import add_versions
from droplearn.cli.service_watching import add_watching
from droplearn.cli.starting import add_up
from droplearn.cli.stopping import add_stops
from droplearn.cli.training import add_train
from droplearn.cli.trial import add_trial


def make_parser() -> argparse.ArgumentParser:
    """Every command has `--json` and `--connection`."""
    parser = argparse.ArgumentParser(prog="droplearn", description="Drop labelled data; get an evaluated model behind an endpoint.")
    parser.add_argument("--version", action="version", version=f"droplearn {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    command = partial(_add_command, subparsers)
    for add in (add_up, add_drop, add_train, add_looks, add_evaluate, add_deploy):
        add(command)
    service = subparsers.add_parser("service", help="list services; extend, cut and change one that runs")
    action = partial(_add_command, service.add_subparsers(required=True, metavar="ACTION"))
    for add in (add_life, add_versions, add_watching, add_tests, add_rotate):
        add(action)
    for add in (add_preview, add_export, add_predict, add_trial, add_batch, add_stops, add_delete, add_budget):
        add(command)
    return parser


def _add_command(subparsers: Any, name: str, run: object, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = subparsers.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    made.add_argument("--json", action="store_true", help="print one JSON document on stdout, nothing else")
    made.add_argument(
        "--connection", type=Path, help="connection.json to use (else $DROPLEARN_CONNECTION, else ./.droplearn/connection.json)"
    )
    return made
