"""Steady load on a service while it is changed under its callers: `python -m benchmarks.serving.zero_lost [--seconds 30]`.

A version is swapped, a server is killed (SIGKILL), the service is redeployed on another instance type. Each request is answered rightly, or
refused with a status that says "try again"; anything else is lost or wrong.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import urllib3

from tests.pictures import picture
from tests.twin.world import World, pictures
from twin.running import running_twin

RETRYABLE = (429, 502, 503, 504)
_LABELS = ("circle", "square")


class SteadyLoad:
    """Callers that ask again and again, each with its own connection and picture, and know the right answer."""

    def __init__(self, url: str, token: str, callers: int = 4, pause_s: float = 0.02) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self._url, self._token, self._pause_s = url, token, pause_s
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(callers)]

    def __enter__(self) -> SteadyLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(90)

    @property
    def lost(self) -> int:
        """What was neither answered rightly nor refused with a retryable status."""
        return sum(self.counts.values()) - self.counts["right"] - self.counts["refused"]

    def _ask(self, number: int) -> None:
        label = _LABELS[number % 2]
        body, pool = picture(label, 900 + number), urllib3.PoolManager()
        headers = {"authorization": f"Bearer {self._token}", "content-type": "image/jpeg"}
        while not self._ending.wait(self._pause_s):
            try:
                reply = pool.request("POST", self._url, body=body, headers=headers, retries=False, timeout=60)
                found = _meaning(reply.status, reply.json() if reply.data else {}, label)
                told = reply.data[:200].decode(errors="replace")
            except (urllib3.exceptions.HTTPError, ValueError) as error:
                found, told = "lost", repr(error)
            with self._lock:
                self.counts[found] += 1
                self.examples.setdefault(found, told)


def _meaning(status: int, answer: dict[str, Any], label: str) -> str:
    if status in RETRYABLE:
        return "refused"
    if status != 200 or not answer.get("success"):
        return f"status {status}"
    return "right" if answer["result"]["output"][0]["body"][0]["label"] == label else "wrong"


def servers_of(state: Path) -> list[int]:
    """Process ids of the model servers of a twin, the parents first."""
    marker = f"SAGEMAKER_BASE_DIR={(state / 'work').resolve()}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (folder / "environ").read_bytes() and b"SAGEMAKER_BIND_TO_PORT" in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return sorted(found)


def kill_server(state: Path) -> int:
    """The newest model server ends as if its machine had."""
    pid = servers_of(state)[-1]
    os.kill(pid, signal.SIGKILL)
    return pid


def swap(world: World, service: str, model: str, **changes: Any) -> dict[str, Any]:
    """A new version in the place of the old one; returns the update when it is over."""
    made = world.call("POST", f"/v1/services/{service}/versions", {"model": model} | changes)
    return end_of_update(world, service, made["id"])


def end_of_update(world: World, service: str, update: str, limit_s: float = 90) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        return next(u for u in world.call("GET", f"/v1/services/{service}/updates")["updates"] if u["id"] == update)

    return world.wait(look, lambda u: u["outcome"] != "in_progress", limit_s)


def main() -> int:
    """Exit status 1 when a request was lost or answered wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--callers", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_twin(Path(folder) / "state") as twin:
        world = World(twin.state)
        world.drop("shapes", "training", pictures(8))
        model = world.end_of_task(world.start_task("shapes", "training"))["model"]
        service = world.deploy("shapes", model, max_runtime_s=3600)
        began = time.monotonic()
        with SteadyLoad(service["url"], service["token"], options.callers, pause_s=0) as load:
            for name, act in (
                ("version swapped", lambda: swap(world, service["id"], model)["outcome"]),
                ("server killed", lambda: kill_server(twin.state)),
                ("redeployed", lambda: swap(world, service["id"], model, instance_type="ml.c5.xlarge")["outcome"]),
            ):
                time.sleep(options.seconds / 6)
                _say(f"{time.monotonic() - began:5.1f} s  {name}: {act()}")
            time.sleep(max(0.0, options.seconds - (time.monotonic() - began)))
        _say(f"{time.monotonic() - began:5.1f} s  {sum(load.counts.values())} requests: {dict(load.counts)}")
        _say(f"lost or wrong: {load.lost} {load.examples if load.lost else ''}")
        return int(load.lost > 0)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
