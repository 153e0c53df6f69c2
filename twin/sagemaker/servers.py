"""Model servers behind endpoints: one process for each variant, healthy when /ping answers 200, asked by POST /invocations.

Source: Amazon SageMaker developer guide, "Use Your Own Inference Code with Hosting Services".
"""

import json
import logging
import random
import tarfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import urllib3

from twin.free_ports import free_ports
from twin.sagemaker.containers import CannotStartContainer
from twin.sagemaker.host import Host, Machines
from twin.sagemaker.storage import DownloadFailed, RoleStorage
from twin.settings import HOST

log = logging.getLogger("twin.sagemaker")
_START_TIMEOUT_S = 480.0  # Source: as above: a container has 8 minutes to pass the first ping
_INVOCATION_TIMEOUT_S = 60.0  # Source: API reference, InvokeEndpoint
_DRAIN_S = 30.0
_PASSED_HEADERS = ("content-type", "accept")


class CannotServe(Exception):
    """A variant did not come into service; the text is the endpoint's FailureReason."""


class Answer(NamedTuple):
    """What a model server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class VariantServer:
    """One production variant's process. It is started again when it dies.

    `environment`: beside the model's own. A transform job's server is of the same kind, with a log group of its own.
    """

    def __init__(
        self,
        machines: Machines,
        account: str,
        region: str,
        endpoint: str,
        variant: dict[str, Any],
        model: dict[str, Any],
        *,
        log_group: str | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.name: str = variant["VariantName"]
        self.weight = float(variant.get("InitialVariantWeight") or 1.0)
        self._container = model.get("PrimaryContainer") or model["Containers"][0]
        stream = f"{self.name}/{random.randbytes(8).hex()}"  # noqa: S311  (a name)
        group = log_group or f"/aws/sagemaker/Endpoints/{endpoint}"
        self._environment = environment or {}
        self._host = Host(machines, account, region, model["ExecutionRoleArn"], group, stream)
        self._closing = threading.Event()
        self._launching = threading.Lock()
        self._answering = 0
        self._idle = threading.Condition()
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=32, retries=False)
        self._port = 0

    @property
    def host(self) -> Host:
        """Its machine."""
        return self._host

    def start(self) -> None:
        """Download the model, start the process, wait for the first healthy ping.

        Raises:
            CannotServe: one of the three failed.
        """
        try:
            self._download_model()
            self._launch()
        except DownloadFailed as error:
            raise CannotServe(f'Failed to download model data for container "container_1": {error}') from None
        except CannotStartContainer as error:
            raise CannotServe(str(error)) from None
        self._wait_until_healthy()
        threading.Thread(target=self._keep_alive, daemon=True, name=f"variant-{self.name}").start()

    def _download_model(self) -> None:
        self._host.folder("model")
        if source := (self._container.get("ModelDataSource") or {}).get("S3DataSource"):
            download_prefix(source, self._host.storage, self._host.folder("model"))
        elif uri := self._container.get("ModelDataUrl"):
            archive = self._host.folder("download") / "model.tar.gz"
            self._host.storage.download_file(uri, archive)
            try:
                with tarfile.open(archive) as tar:
                    tar.extractall(self._host.folder("model"), filter="data")
            except tarfile.TarError as error:
                raise DownloadFailed(f"{uri} is not a tar archive: {error}") from None
            archive.unlink()

    def _launch(self) -> None:
        self._port = free_ports()
        environment = {
            "SAGEMAKER_BIND_TO_PORT": str(self._port),
            "SM_MODEL_DIR": str(self._host.folder("model")),
            **(self._container.get("Environment") or {}),
            **self._environment,
        }
        self._host.start(self._container["Image"], ["serve"], environment)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        pause_s = 0.02
        while not self._is_healthy():
            process = self._host.process
            if process is None or not process.is_running or time.monotonic() > deadline or self._closing.is_set():
                raise CannotServe(
                    f"The primary container for production variant {self.name} did not pass the ping health check. "
                    "Please check CloudWatch logs for this endpoint."
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.25)

    def _is_healthy(self) -> bool:
        try:
            reply = self._pool.request("GET", f"http://{HOST}:{self._port}/ping", timeout=2.0)
        except urllib3.exceptions.HTTPError:
            return False
        return bool(reply.status == 200)

    def _keep_alive(self) -> None:
        while not self._closing.is_set():
            process = self._host.process
            if process is None or process.wait(1.0) is None:
                continue
            self._closing.wait(1.0)
            self._launch_again()

    def _launch_again(self) -> None:
        """Unless it is being stopped: nobody would end what is started then."""
        with self._launching:
            if not self._closing.is_set():
                log.warning("variant %s ended; it is started again", self.name)
                self._launch()

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout_s: float = _INVOCATION_TIMEOUT_S) -> Answer:
        """POST /invocations. A server that does not answer is a 5xx, as for SageMaker's clients."""
        passed = {k: v for k, v in headers.items() if k.lower() in _PASSED_HEADERS or k.lower().startswith("x-amzn-sagemaker")}
        url = f"http://{HOST}:{self._port}/invocations"
        try:
            reply = self._pool.request("POST", url, body=body, headers=passed, timeout=timeout_s)
        except urllib3.exceptions.TimeoutError:
            return Answer(504, {}, b"Your invocation timed out while waiting for a response from container primary")
        except urllib3.exceptions.HTTPError as error:
            return Answer(503, {}, f"the container does not answer: {type(error).__name__}".encode())
        return Answer(reply.status, reply.headers, reply.data)

    def begin(self) -> None:
        """A request is on its way to it; `end` must follow."""
        with self._idle:
            self._answering += 1

    def end(self) -> None:
        """The request is answered."""
        with self._idle:
            self._answering -= 1
            self._idle.notify_all()

    def stop(self, grace_s: float = _DRAIN_S) -> None:
        """Let it answer what it has begun, then end it."""
        with self._idle:
            self._idle.wait_for(lambda: self._answering == 0, grace_s)
        with self._launching:
            self._closing.set()
        if self._host.process is not None:
            self._host.process.stop(grace_s)
        self._host.remove()


def download_prefix(source: Mapping[str, str], storage: RoleStorage, folder: Path) -> None:
    """Each object as a file, by the rest of its key. Source: API reference, S3ModelDataSource.

    Raises:
        DownloadFailed: another kind of source, or what `storage` raises.
    """
    uri = source["S3Uri"]
    if (source["S3DataType"], source["CompressionType"], uri[-1:]) != ("S3Prefix", "None", "/"):
        raise DownloadFailed(f"the twin knows S3DataType S3Prefix, uncompressed, with a slash at its end, and not {dict(source)}")
    if not storage.download(uri, "S3Prefix", folder):
        raise DownloadFailed(f"no object was found below {uri}")


class Fleet:
    """The variants of one endpoint configuration."""

    def __init__(self, servers: list[VariantServer]):
        self._servers = {server.name: server for server in servers}

    def start(self) -> None:
        """Start all; none stays when one fails."""
        try:
            for server in self._servers.values():
                server.start()
        except Exception:
            self.stop(0.5)
            raise

    def choose(self, variant: str | None) -> VariantServer | None:
        """The named variant, or one by weight."""
        if variant is not None:
            return self._servers.get(variant)
        servers = list(self._servers.values())
        weights = [server.weight for server in servers]
        return random.choices(servers, weights if sum(weights) > 0 else None)[0]  # noqa: S311  (traffic, not secrets)

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Move traffic between the variants."""
        for name, weight in weights.items():
            self._servers[name].weight = weight

    def stop(self, grace_s: float = _DRAIN_S) -> None:
        """Stop all at the same time."""
        threads = [threading.Thread(target=server.stop, args=(grace_s,), daemon=True) for server in self._servers.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def original_message(answer: Answer, variant: str, log_url: str) -> str:
    """The text of SageMaker's ModelError."""
    who = "server error" if answer.status >= 500 else "client error"
    text = answer.body[:1024].decode(errors="replace")
    return f'Received {who} ({answer.status}) from {variant} with message "{text}". See {log_url} for more information.'


def error_body(message: str, **fields: Any) -> str:
    """A JSON error of the runtime API."""
    return json.dumps({"Message": message, **fields})
