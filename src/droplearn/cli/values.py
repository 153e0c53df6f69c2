"""Values on the command line that need reading: durations, options."""

from __future__ import annotations

import argparse
import re

_LAST_PORT = 65_534
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration_s(text: str) -> int:
    """`90`, `90s`, `10m`, `1h`, `2d` in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write 90s, 10m or 1h")
    return round(float(match[1]) * _UNITS[match[2] or "s"])


def query_option(text: str) -> tuple[str, str]:
    """`name=value` as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no option; write NAME=VALUE")
    return name, value


def share(text: str) -> tuple[str, float]:
    """`v2=0.3`."""
    name, value = query_option(text)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no share; write v2=0.3") from None


def port(text: str) -> int:
    """Of two that follow each other."""
    if not text.isdecimal() or not 1 <= int(text) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; write a number from 1 to {_LAST_PORT}")
    return int(text)


def option(text: str) -> tuple[str, str | float | bool]:
    """`name=value`; numbers, true and false are taken as such."""
    name, value = query_option(text)
    if value in ("true", "false"):
        return name, value == "true"
    try:
        return name, float(value)
    except ValueError:
        return name, value
