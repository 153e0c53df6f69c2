import threading
import time
from types import SimpleNamespace
from typing import Any, cast

from twin.sagemaker.api import SageMaker
from twin.sagemaker.jobs import Job, JobRunner
from twin.sagemaker.training import TrainingJob


class FakeRunner:
    """Starts slowly, and lives until it is asked to stop."""

    def __init__(self, name: str):
        self.job = SimpleNamespace(name=name, arn=f"arn:{name}", status="InProgress")
        self.stop_requested = threading.Event()
        self._has_started = False

    def start(self) -> None:
        time.sleep(0.002)
        self._has_started = True

    def is_alive(self) -> bool:
        return self._has_started


def test_jobs_created_at_once_can_all_be_stopped() -> None:
    sagemaker = SageMaker(cast(Any, None), cast(Any, None))
    jobs: dict[str, Job] = {}
    runners = [FakeRunner(str(number)) for number in range(20)]
    threads = [threading.Thread(target=sagemaker._run, args=(jobs, cast(JobRunner, runner))) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for runner in runners:
        request = SimpleNamespace(params={"TrainingJobName": runner.job.name})
        SageMaker._stop(sagemaker, request, jobs, TrainingJob)
    assert all(runner.stop_requested.is_set() for runner in runners)
