"""No process outlives the twin: not after SIGTERM, not after SIGKILL."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.contract.test_twin_state import job_request
from tests.contract.twin_fixtures import REGION, Aws, start_bare_twin, wait_for
from twin.processes import GuardedProcess


def busy(aws: Aws) -> list[psutil.Process]:
    """A function in the middle of a call, a job and an endpoint; all processes below the twin."""
    role = aws.role("all")
    aws.client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
    sagemaker = aws.client("sagemaker")
    sagemaker.create_training_job(**job_request(role, "quick"))
    sagemaker.create_training_job(**job_request(role, "long", steps="100000"))
    describe_job = lambda: sagemaker.describe_training_job(TrainingJobName="quick")["TrainingJobStatus"]  # noqa: E731
    wait_for(describe_job, lambda status: status == "Completed")
    container = {"Image": "tests", "ModelDataUrl": "s3://kept/out/quick/output/model.tar.gz"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    describe = lambda: sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"]  # noqa: E731
    wait_for(describe, lambda status: status == "InService")
    aws.function("slow", role, Timeout=60)
    aws.client("lambda").invoke(FunctionName="slow", InvocationType="Event", Payload=b"{}")
    twin = psutil.Process(aws.twin.process.pid)

    def commands() -> str:
        return " ".join(command_of(p) for p in twin.children(recursive=True))

    wait_for(commands, lambda text: all(word in text for word in ("worker.py", "train.py", "serve.py")))
    return list(twin.children(recursive=True))


def command_of(process: psutil.Process) -> str:
    """Nothing for one that ends while it is looked at, as the child that writes a snapshot may."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def gone(processes: list[psutil.Process]) -> bool:
    return not any(map(is_alive, processes))


@pytest.mark.parametrize("way", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left(way: signal.Signals, tmp_path: Path) -> None:
    aws = start_bare_twin(tmp_path)
    try:
        processes = busy(aws)
        assert len(processes) >= 5  # worker, two guards with one program each
        aws.twin.process.send_signal(way)
        code = aws.twin.process.wait(60)
    finally:
        aws.twin.stop()
    assert code == (0 if way is not signal.SIGKILL else -signal.SIGKILL)
    wait_for(lambda: gone(processes))
    if way is not signal.SIGKILL:
        assert not list((aws.twin.state / "work").iterdir())


def test_idle_environments_are_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_IDLE_LAMBDA_SECONDS", "1")
    aws = start_bare_twin(tmp_path)
    try:
        aws.function("counts", aws.role("r"))
        first = json.load(aws.client("lambda").invoke(FunctionName="counts")["Payload"])["pid"]
        wait_for(lambda: not psutil.pid_exists(first))
        assert json.load(aws.client("lambda").invoke(FunctionName="counts")["Payload"])["calls"] == 1
    finally:
        aws.twin.stop()


def test_concurrent_calls_get_environments_of_their_own(aws: Aws) -> None:
    aws.function("naps", aws.role("napping"))

    def nap(_: int) -> int:
        answer = aws.client("lambda").invoke(FunctionName="naps", Payload=b'{"seconds": 1}')
        return int(json.load(answer["Payload"]))

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(nap, range(3)))) == 3


# -------------------------------------------------------------------------------------------------------------- the guard
Start = Callable[..., GuardedProcess]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return lambda code: GuardedProcess([sys.executable, "-c", code], tmp_path, {"PATH": "/usr/bin:/bin"})


def test_guard_gives_output_and_exit_code(start: Start) -> None:
    process = start("print('hello', flush=True); raise SystemExit(7)")
    with process.output as output:
        assert output.read() == b"hello\n"
    assert process.wait() == 7


def test_guard_tells_a_signal_as_a_shell_does(start: Start) -> None:
    process = start("import os; os.kill(os.getpid(), 9)")
    with process.output:
        assert process.wait() == 137


def test_guard_passes_sigterm_on(start: Start) -> None:
    process = start("import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(5))\nprint('up', flush=True)\ntime.sleep(60)")
    with process.output as output:
        assert output.readline() == b"up\n"
        process.terminate()
        assert process.wait(60) == 5


def test_guard_kills_what_ignores_sigterm_and_what_was_left_behind(start: Start) -> None:
    code = (
        "import signal, subprocess, sys, time\nsignal.signal(15, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )
    process = start(code)
    with process.output as output:
        child = int(output.readline())
        started = time.monotonic()
        process.stop(0.2)
    assert time.monotonic() - started < 40
    wait_for(lambda: not psutil.pid_exists(child) or gone([psutil.Process(child)]))


def test_command_that_does_not_exist_is_127(tmp_path: Path) -> None:
    process = GuardedProcess(["no-such-command"], tmp_path, {"PATH": "/usr/bin"})
    with process.output as output:
        assert output.read() == b"cannot start no-such-command: No such file or directory\n"
    assert process.wait() == 127


def test_guard_kills_its_program_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from twin.processes import GuardedProcess\n"
        "p = GuardedProcess([sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'], Path('.'), {})\n"
        "print(p.output.readline().decode(), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        program = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    wait_for(lambda: gone([program]))
