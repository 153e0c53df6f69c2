"""What all jobs share: a record that survives restarts, and a thread that runs the container within its time."""

import enum
import json
import logging
import threading
import time
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.utils import utcnow

from twin.changes import changes
from twin.eventing.bus import put_event
from twin.processes import GuardedProcess
from twin.sagemaker.host import Host, Machines
from twin.settings import stop_grace_s

log = logging.getLogger("twin.sagemaker")
REASON_LIMIT = 1024  # Source: Amazon SageMaker API reference, FailureReason: at most 1024 characters
_DEFAULT_MAX_RUNTIME_S = 86400
_TICK_S = 0.1
RUNNING = ("InProgress", "Stopping")
ENDED = ("Completed", "Failed", "Stopped")


class End(enum.Enum):
    """Why a container is no longer running."""

    EXITED = "exited"
    STOPPED = "stopped"
    OUT_OF_TIME = "out of time"


class Failed(Exception):
    """The job failed; the text is its FailureReason."""


class Job:
    """A job's request and state. Plain data: snapshots keep it."""

    kind = ""  # TrainingJob, ProcessingJob or TransformJob
    arn_part = ""

    def __init__(self, request: dict[str, Any], account: str, region: str):
        self.request, self.account, self.region = request, account, region
        self.name: str = request[f"{self.kind}Name"]
        self.arn = f"arn:aws:sagemaker:{region}:{account}:{self.arn_part}/{self.name}"
        self.tags = request.get("Tags") or []
        self.status = "InProgress"
        self.failure_reason: str | None = None
        self.creation_time = self.last_modified_time = utcnow()
        self.start_time: Any = None
        self.end_time: Any = None

    def describe(self) -> dict[str, Any]:
        """The answer of Describe<kind>."""
        raise NotImplementedError

    def fail(self, reason: str) -> None:
        """End as Failed."""
        raise NotImplementedError

    @property
    def family(self) -> str:
        """Training, Processing or Transform: so begin the names of its fields."""
        return self.kind.removesuffix("Job")

    def asked(self) -> dict[str, Any]:
        """What the request said, as far as Describe<kind> repeats it."""
        return {key: value for key, value in self.request.items() if key != "Tags" and value is not None}

    def announce(self) -> None:
        """Tell the event bus the present state."""
        detail = json.loads(json.dumps(self.describe(), default=lambda when: int(when.timestamp() * 1000)))
        put_event(self.account, self.region, "aws.sagemaker", f"SageMaker {self.family} Job State Change", detail, [self.arn])


class PlainJob(Job):
    """A job without secondary statuses, as processing and transform jobs are."""

    def __init__(self, request: dict[str, Any], account: str, region: str):
        super().__init__(request, account, region)
        self.announce()

    def move(self, status: str) -> None:
        """Go to a status, and say so on the event bus."""
        self.last_modified_time = utcnow()
        if status in ENDED:
            self.end_time = self.last_modified_time
        self.status = status  # last: who sees it may ask for the times at once
        self.announce()

    def fail(self, reason: str) -> None:
        """End as Failed."""
        self.failure_reason = reason[:REASON_LIMIT]
        self.move("Failed")

    def describe(self) -> dict[str, Any]:
        """The answer of Describe<kind>; a kind adds its own fields."""
        answer = self.asked() | {f"{self.kind}Arn": self.arn, f"{self.kind}Status": self.status, "CreationTime": self.creation_time}
        optional = {
            "FailureReason": self.failure_reason,
            f"{self.family}StartTime": self.start_time,
            f"{self.family}EndTime": self.end_time,
        }
        return answer | {key: value for key, value in optional.items() if value is not None}


class JobRunner(threading.Thread):
    """Runs one job. `stop_requested` is StopTrainingJob or StopProcessingJob."""

    def __init__(self, job: Job, machines: Machines):
        super().__init__(daemon=True, name=job.name)
        self.job, self._machines = job, machines
        self.stop_requested = threading.Event()
        self._twin_closes = False
        self.host: Host | None = None

    def run(self) -> None:
        """Run to the end; whatever goes wrong ends in the record."""
        try:
            self._run()
        except Failed as error:
            self.job.fail(str(error))
        except Exception as error:
            log.exception("job %s", self.job.name)
            self.job.fail(f"InternalServerError: We encountered an internal error. Please try again. ({error})")
        finally:
            if self.host is not None:
                if self.host.process is not None:
                    self.host.process.kill()
                self.host.remove()
            changes.announce()

    def _open_host(self, log_group: str) -> Host:
        """The machine, with a log stream of its own."""
        job, stream = self.job, f"{self.job.name}/algo-1-{int(time.time())}"
        self.host = Host(self._machines, job.account, job.region, job.request["RoleArn"], log_group, stream)
        return self.host

    def close(self) -> None:
        """End at once, because the twin ends."""
        self._twin_closes = True
        if self.host is not None and self.host.process is not None:
            self.host.process.kill()

    def _run(self) -> None:
        raise NotImplementedError

    def _supervise(self, host: Host, process: GuardedProcess, max_runtime_s: float | None) -> tuple[End, int]:
        """Wait for the container: SIGTERM when it is stopped or out of time, SIGKILL after the grace. Its end and exit code."""
        deadline = time.monotonic() + float(max_runtime_s or _DEFAULT_MAX_RUNTIME_S)
        end = End.EXITED
        code = process.wait(_TICK_S)
        while code is None:
            if self.stop_requested.is_set() or time.monotonic() >= deadline:
                end = End.STOPPED if self.stop_requested.is_set() else End.OUT_OF_TIME
                self._on_stopping()
                process.terminate()
                code = process.wait(stop_grace_s())
                break
            self._on_tick()
            code = process.wait(_TICK_S)
        process.kill()  # also what it left behind
        host.finish_log()
        return end, code if code is not None else 137

    def _on_stopping(self) -> None:
        """Called before SIGTERM."""

    def _on_tick(self) -> None:
        """Called about ten times a second while the container runs."""


def resource_in_use(message: str) -> JsonRESTError:
    """SageMaker's error for a name that is taken."""
    return JsonRESTError("ResourceInUse", message)
