"""The words of `droplearn service ...`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from droplearn.cli import service_commands, service_testing
from droplearn.cli.values import duration_s, query_option, share


def add_service_actions(action: Callable[[str, object, str], argparse.ArgumentParser]) -> None:
    """action: makes the parser of one, of its name, what it runs and its help."""
    listing = action("list", service_commands.listing, "list services, newest first")
    listing.add_argument("--project", help="of this project only")
    extend = action("extend", service_commands.extend, "let a service run longer")
    extend.add_argument("service")
    extend.add_argument("--by", type=duration_s, required=True, metavar="1h", help="more than it has now")
    cut = action("cut", service_commands.cut, "let a service end sooner")
    cut.add_argument("service")
    cut.add_argument("--to", type=duration_s, default=0, metavar="10m", help="from now (default: now)")
    idle = action("idle", service_commands.idle, "end a service when nobody has used it for so long")
    idle.add_argument("service")
    idle.add_argument("--after", type=duration_s, metavar="30m", help="at least 10s")
    idle.add_argument("--never", action="store_true", help="it may be idle until its deadline")
    publish = action("publish", service_commands.publish, "a new version: another model in the place of the old, or beside it")
    publish.add_argument("service")
    publish.add_argument("model")
    publish.add_argument("--share", type=float, metavar="0.3", help="of the traffic; the old versions keep the rest (default: all)")
    canary_help = "this share first; then all, or back when it errs or is slow (not of recommendations)"
    publish.add_argument("--canary", type=float, metavar="0.1", help=canary_help)
    publish.add_argument("--watch", type=duration_s, metavar="10m", help="how long a canary is watched (default: 10m)")
    publish.add_argument("--wait", action="store_true", help="until it is done")
    traffic = action("traffic", service_commands.traffic, "split the traffic among the versions that are live")
    traffic.add_argument("service")
    traffic.add_argument(
        "--share", action="append", type=share, metavar="v2=0.3", required=True, help="given for each that is to stay; the others go"
    )
    traffic.add_argument("--wait", action="store_true", help="until it is done")
    versions = action("versions", service_commands.versions, "a service's versions and update records")
    versions.add_argument("service")
    events = action("events", service_commands.events, "what happened to a service: when, what, and who asked for it")
    events.add_argument("service")
    monitor = action("monitor", service_commands.monitor, "what a service costs and answers")
    monitor.add_argument("service")
    test = action("test", service_testing.test, "ask a service that runs about at most 30 images, and keep what it answers")
    test.add_argument("service")
    test.add_argument(
        "path", nargs="?", help="a file or a folder to upload, or PROJECT/... in the data bucket (default: what was uploaded before)"
    )
    test.add_argument("--option", action="append", type=query_option, metavar="NAME=VALUE", help="of each answer: top=3, pos=pixels, ...")
    test.add_argument(
        "--threshold", type=float, default=0.5, metavar="0.5", help="show predictions of at least this confidence (default: 0.5)"
    )
    tests = action("tests", service_testing.tests, "the tests of a service, or one of them at another threshold")
    tests.add_argument("service")
    tests.add_argument("test", nargs="?", help="test-...")
    tests.add_argument("--threshold", type=float, default=0.5, metavar="0.5", help="nobody is asked again (default: 0.5)")
    images = action("test-images", service_testing.images, "the images that were uploaded to test a service: at most 30 are kept")
    images.add_argument("service")
    images.add_argument("--remove", action="append", metavar="NAME", help="remove this one (may be given again)")
    rotate = action("rotate-token", service_commands.rotate, "a new token; the old one ends")
    rotate.add_argument("service")
    rotate.add_argument("--grace", type=duration_s, default=0, metavar="1h", help="the old one is good for so long still (default: 0)")
