"""`droplearn service test`, `tests` and `test-images`: a running service tried on at most thirty images."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlencode

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.predictions import number
from droplearn.cli.screen import Screen
from droplearn.cli.values import query_option
from droplearn.cli.words import Command, Options
from droplearn.client import Client, Json, part
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.s3_layout import service_images_prefix

MAX_IMAGES = 30
_SHOWN = 3
_PAUSE_S = 1.0
"""Before a test is asked about again that did not move: another call is busy with it, or one image takes long."""


def add_tests(command: Command) -> None:
    """Their words."""
    test_words = command("test", test, "ask a service that runs about at most 30 images, and keep what it answers")
    test_words.add_argument("service")
    test_words.add_argument(
        "path", nargs="?", help="a file or a folder to upload, or PROJECT/... in the data bucket (default: what was uploaded before)"
    )
    test_words.add_argument("--continue", dest="begun", metavar="TEST", help="go on with a test that was cut off; nothing is asked twice")
    test_words.add_argument(
        "--option", action="append", type=query_option, metavar="NAME=VALUE", help="of each answer: top=3, pos=pixels, ..."
    )
    test_words.add_argument(
        "--threshold", type=float, default=0.5, metavar="0.5", help="show predictions of at least this confidence (default: 0.5)"
    )
    tests_words = command("tests", tests, "the tests of a service, or one of them at another threshold")
    tests_words.add_argument("service")
    tests_words.add_argument("test", nargs="?", help="test-...")
    tests_words.add_argument("--threshold", type=float, default=0.5, metavar="0.5", help="nobody is asked again (default: 0.5)")
    images_words = command("test-images", images, "the images that were uploaded to test a service: at most 30 are kept")
    images_words.add_argument("service")
    images_words.add_argument("--remove", action="append", metavar="NAME", help="remove this one (may be given again)")


def test(options: Options, screen: Screen) -> Outcome:
    """Files of this machine are uploaded first; a path of the data bucket is read in place. Goes on until every image has been asked."""
    client, base = connect(options.connection), f"/v1/services/{part(options.service)}"
    tests_url = f"{base}/tests"
    if options.begun:
        if options.path is not None or options.option:
            raise InvalidRequest(
                "service_test.goes_on", "A test that goes on has its images and its options.", hint="Leave the path and --option away."
            )
        return _shown(screen, _finished(client, screen, tests_url, _again(client, tests_url, options.begun, options.threshold)))
    body: Json = {"options": dict(options.option or []), "threshold": options.threshold}
    if options.path is not None and Path(options.path).exists():
        service = client.call("GET", base)
        _upload(client, screen, Path(options.path), service_images_prefix(service["project"], service["id"]))
    elif options.path is not None:
        body["path"] = options.path
    return _shown(screen, _finished(client, screen, tests_url, _begun(client, screen, options.service, body)))


def _begun(client: Client, screen: Screen, service: str, body: Json) -> Json:
    try:
        return client.call("POST", f"/v1/services/{part(service)}/tests", body)
    except KeyboardInterrupt:
        screen.advise(f"It goes on for some seconds; `droplearn service tests {service}` lists it, --continue goes on with it.")
        raise


def _finished(client: Client, screen: Screen, tests_url: str, result: Json) -> Json:
    """One call asks about as many images as fit into its time."""
    try:
        return _asked_on(client, screen, tests_url, result)
    except KeyboardInterrupt:
        screen.advise(f"What was answered is kept; to go on: --continue {result['id']}")
        raise


def _asked_on(client: Client, screen: Screen, tests_url: str, result: Json) -> Json:
    while pending := result["pending_count"]:
        total = result["image_count"]
        screen.progress(f"{result['id']}: {total - pending} of {total} images", total - pending, total)
        result = _again(client, tests_url, result["id"], result["threshold"])
        if result["pending_count"] == pending:
            time.sleep(_PAUSE_S)
    return result


def _again(client: Client, tests_url: str, test_id: str, threshold: float) -> Json:
    return client.call("POST", f"{tests_url}/{part(test_id)}/continue", threshold=threshold)


def _upload(client: Client, screen: Screen, path: Path, prefix: str) -> None:
    """Folders stay: `cat/1.jpg` tells the true label."""
    files = {path.name: path} if path.is_file() else {f.relative_to(path).as_posix(): f for f in sorted(path.rglob("*")) if f.is_file()}
    if not files:
        raise InvalidRequest("drop.empty_folder", f"There is no file below {path}.", hint="Name a folder that holds images.")
    if len(files) > MAX_IMAGES:
        raise InvalidRequest(
            "service_test.too_many_files",
            f"{path} holds {len(files)} files; a test takes {MAX_IMAGES}.",
            hint="Choose some, or drop them and run `droplearn batch`, which takes any number.",
        )
    screen.progress(f"uploading {len(files)} files")
    client.upload({prefix + name: file for name, file in files.items()})


def tests(options: Options, screen: Screen) -> Outcome:
    """All of a service, or one."""
    client, base = connect(options.connection), f"/v1/services/{part(options.service)}/tests"
    if options.test:
        return _shown(screen, client.call("GET", f"{base}/{part(options.test)}", threshold=options.threshold))
    found = list(client.pages(base, "tests"))
    rows = [[t["id"], t["created_at"], t["path"], _answered(t), t["failed_count"], _score(t)] for t in found]
    screen.table("tests", ["id", "at", "path", "images", "failed", "right"], rows)
    return Outcome({"tests": found})


def images(options: Options, screen: Screen) -> Outcome:
    """What is kept, after what is to go has gone."""
    client, base = connect(options.connection), f"/v1/services/{part(options.service)}/test-images"
    found = client.call("GET", base)
    for name in options.remove or []:
        client.call("DELETE", f"{base}?{urlencode({'name': name})}")
        if name not in (image["name"] for image in found["images"]):
            screen.say(f"there was no {name}")
    found = client.call("GET", base) if options.remove else found
    screen.table(f"images below {found['path']}", ["name", "bytes"], [[i["name"], i["size_bytes"]] for i in found["images"]])
    return Outcome(found)


def _shown(screen: Screen, result: Json) -> Outcome:
    """Exit status 0 when every image was answered."""
    rows = [row for image in result["images"] for row in _rows(image, result["path"])]
    screen.table(result["id"], ["image", "answer", "confidence", "true label", ""], rows)
    told = [
        f"{result['image_count']} images",
        f"answered by {result['version']}" if result.get("version") else "",
        f"{result['pending_count']} not asked yet (go on: --continue {result['id']})" if result["pending_count"] else "",
        f"{result['failed_count']} failed",
        f"{_score(result)} right" if result["scored_count"] else "",
    ]
    left = result["left_out_count"]
    told += [f"{left} older ones below the path were left out" if left else ""]
    told += [f"{result['removed_count']} older ones were removed" if result["removed_count"] else ""]
    screen.say(", ".join(filter(None, told)))
    return Outcome(result, result["failed_count"] == result["pending_count"] == 0)


def _rows(image: Json, path: str) -> list[list[object]]:
    name, true_label = image["key"].removeprefix(path).removeprefix("/"), image["true_label"]
    verdict = {True: "right", False: "wrong", None: ""}[image["is_right"]]
    if image["error"] or not image["predictions"]:
        return [[name, image["error"] or image["hint"] or "nothing found", "", true_label, verdict]]
    shown = image["predictions"][:_SHOWN]
    return [
        [
            name if first else "",
            entry.get("label", entry.get("value")),
            number(entry.get("conf")),
            *((true_label, verdict) if first else ("", "")),
        ]
        for first, entry in ((place == 0, entry) for place, entry in enumerate(shown))
    ]


def _answered(test: Json) -> str:
    """All, or so many of them."""
    total, pending = test["image_count"], test["pending_count"]
    return f"{total - pending} of {total}" if pending else str(total)


def _score(test: Json) -> str:
    return f"{test['right_count']} of {test['scored_count']}" if test["scored_count"] else ""
