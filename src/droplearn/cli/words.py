"""Words that several commands share, and how a command is declared."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen

Options = argparse.Namespace
Command = Callable[[str, Callable[[Options, Screen], Outcome], str], argparse.ArgumentParser]
"""Makes the parser of a command: of its name, what it runs and its help."""


def add_place(parser: argparse.ArgumentParser) -> None:
    """A dataset of a project."""
    parser.add_argument("--project", required=True)
    parser.add_argument("--dataset", required=True)


def add_variant(parser: argparse.ArgumentParser) -> None:
    """Of a model."""
    parser.add_argument("--variant", choices=["fp32", "int8", "fp16"], help="default: fp32, the model as it was trained")


def add_accept_fall(parser: argparse.ArgumentParser) -> None:
    """Of a model that goes into use; not given: not sent."""
    told = "also a model that is worse than its base model on the old labels"
    parser.add_argument("--accept-fall", action="store_true", default=None, help=told)
