"""`python -m trainer train|evaluate|optimise`. The error edge: a user finds the cause in output/failure; a traceback is in the log only."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from droplearn.contracts.errors import DropLearnError
from droplearn.contracts.training import Failure
from trainer.paths import Paths

_REASON_CHARACTERS = 1000
"""SageMaker cuts FailureReason at 1,024. Source: SageMaker API reference, DescribeTrainingJob."""


def main(arguments: list[str]) -> int:
    """The exit status: 0 when there is a result, 1 when a failure was written, 2 for a wrong call."""
    paths = Paths.from_environment()
    if arguments == ["train"]:
        return guarded(lambda: _train(paths), paths)
    if arguments == ["evaluate"]:
        return guarded(lambda: _evaluate(paths), paths)
    if arguments == ["optimise"]:
        return guarded(lambda: _optimise(paths), paths)
    sys.stderr.write("usage: python -m trainer train|evaluate|optimise\n")
    return 2


def guarded(work: Callable[[], int], paths: Paths) -> int:
    """Runs the work; an exception becomes a failure file and exit status 1."""
    try:
        return work()
    except DropLearnError as error:
        failure = Failure(code=error.code, message=error.message, hint=error.hint)
    except MemoryError:
        traceback.print_exc()
        failure = Failure(
            code="training.out_of_memory",
            message="The instance's memory is too small.",
            hint="Choose a larger instance or a smaller batch.",
        )
    except Exception:  # noqa: BLE001 (the edge: whatever it is, the task must learn that it failed)
        traceback.print_exc()
        failure = Failure(
            code="training.internal", message="Training failed by a defect of droplearn.", hint="See the task's log; restart it."
        )
    write_failure(paths, failure)
    return 1


def write_failure(paths: Paths, failure: Failure) -> None:
    """The first line is JSON, whole, however long the message."""
    room = _REASON_CHARACTERS - len(failure.model_copy(update={"message": ""}).model_dump_json())
    shown = failure.model_copy(update={"message": failure.message[: max(room // 2, 100)]}).model_dump_json()
    paths.failure.parent.mkdir(parents=True, exist_ok=True)
    paths.failure.write_text(shown + "\n", "utf-8")
    sys.stdout.write(f'{{"event":"failure","failure":{shown}}}\n')
    sys.stdout.flush()


def _train(paths: Paths) -> int:
    from trainer.distributed import launch, launch_plan, own_group
    from trainer.train import train

    plan = launch_plan(paths.resources)
    if plan is not None:
        return launch(plan, paths)
    train(paths, own_group())
    return 0


def _evaluate(paths: Paths) -> int:
    from trainer.evaluate import evaluate

    evaluate(paths)
    return 0


def _optimise(paths: Paths) -> int:
    from trainer.optimise import optimise

    optimise(paths)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
