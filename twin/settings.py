"""What every part of the twin agrees on: where it runs, as whom, and for how long things may take."""

import os
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's default account
STACK = "droplearn"
DEFAULT_PORT = 5600
PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Options:
    """One twin: its state folder, its ports and what it runs.

    `port` is the AWS endpoint, `port + 1` the HTTP API. A bare twin has no template: only AWS, for tests of the twin itself.
    """

    state: Path
    port: int = DEFAULT_PORT
    project: Path = PROJECT_ROOT
    images: Path | None = None
    is_bare: bool = False
    is_json: bool = False

    @property
    def endpoint_url(self) -> str:
        """The AWS endpoint of this twin."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_port(self) -> int:
        """The port of the HTTP API."""
        return self.port + 1


def stop_grace_s() -> float:
    """Seconds between SIGTERM and SIGKILL of a job.

    Source: Amazon SageMaker API reference, StopTrainingJob: 120 seconds.
    """
    return float(os.environ.get("TWIN_STOP_GRACE_SECONDS", "120"))


def idle_lambda_s() -> float:
    """Seconds after which an unused Lambda environment is ended (AWS: some minutes, undocumented)."""
    return float(os.environ.get("TWIN_IDLE_LAMBDA_SECONDS", "120"))
