"""`python -m twin [--state DIR] [--port N]`: the whole system on this machine, until SIGTERM or Ctrl-C."""

import argparse
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from pathlib import Path
from queue import Empty, SimpleQueue

from twin.connection import Connection
from twin.lock import AlreadyRunning, hold
from twin.settings import DEFAULT_PORT, PROJECT_ROOT, REGION, Options

_LOOK_S = 1.0


def parse(arguments: list[str] | None = None) -> Options:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m twin", description="Run AWS and droplearn on this machine.")
    parser.add_argument("--state", type=Path, default=Path(".droplearn"), help="folder that keeps everything (default: .droplearn)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="AWS endpoint; the HTTP API is on the next port")
    parser.add_argument("--project", type=Path, default=PROJECT_ROOT, help="source tree to run (default: this one)")
    parser.add_argument("--images", type=Path, help="JSON file with more container images, for tests")
    parser.add_argument("--bare", action="store_true", help="AWS only, with nothing provisioned, for tests of the twin")
    parser.add_argument("--json", action="store_true", help="print the connection as one JSON document once it is ready")
    given = parser.parse_args(arguments)
    return Options(given.state.resolve(), given.port, given.project.resolve(), given.images, given.bare, given.json)


def main() -> None:
    """Start, say so, wait for the end, clean up."""
    options = parse()
    try:
        options.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = hold(options.state)
    except AlreadyRunning as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {options.state} cannot be the state folder: {error.strerror}; choose another --state")
    _log_to(options.state / "twin.log")
    os.environ["TZ"] = "UTC"  # moto's interpreter compares naive times
    time.tzset()
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.pop(name, None)  # the twin must not use the caller's account, nor itself by way of the caller's variables
    ends: SimpleQueue[int] = SimpleQueue()  # unlike an Event it never waits for itself when a signal comes at the wrong moment
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: ends.put(number))
    try:
        _run(options, ends)
    except Exception as error:
        logging.getLogger("twin").exception("the twin ends")
        sys.stdout.flush()
        sys.stderr.write(f"error: {error}{_notes(error)}\nlog: {options.state / 'twin.log'}\n")
        os._exit(1)
    os.close(descriptor)
    sys.stdout.flush()
    os._exit(0)  # daemon threads of moto would delay the end


def _run(options: Options, ends: SimpleQueue[int]) -> None:
    from twin.core import Core

    gc.disable()  # the start makes half a million objects that stay; to look for garbage among them takes a second
    core = Core(options)
    core.start()
    closers = [core.close]
    try:
        file = options.state / "connection.json"
        if options.is_bare:
            root = core.credentials.root
            connection = Connection(options.endpoint_url, REGION, root.access_key_id, root.secret_access_key)
        else:
            from twin.product import Product

            product = Product(core)
            closers.insert(0, product.close)
            product.provision()
            product.serve()
            connection = product.connection(Connection.read(file) if file.exists() else None)
        core.go_live()
        gc.freeze()
        gc.enable()
        connection.write(file)
        ready = f"{connection.block(file)}\ndroplearn is ready: {connection.api_url or connection.aws_endpoint_url}"
        print(connection.to_json() if options.is_json else ready, flush=True)
        _await(ends)
    finally:
        for close in closers:
            close()


def _await(ends: SimpleQueue[int]) -> None:
    """A signal that the system gave to another thread wakes this one only when it looks."""
    while True:
        with contextlib.suppress(Empty):
            ends.get(timeout=_LOOK_S)
            return


def _log_to(file: Path) -> None:
    handler = logging.FileHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("twin").setLevel(logging.INFO)
    logging.captureWarnings(True)


def _notes(error: BaseException) -> str:
    return "".join(f" ({note})" for note in getattr(error, "__notes__", []))


if __name__ == "__main__":
    main()
