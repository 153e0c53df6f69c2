"""What several threads of a twin do at once: one step for each, whatever the others do."""

import threading
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from moto.s3.utils import _VersionedKeyStore

from twin import atomic, free_ports
from twin.sagemaker import jobs, training
from twin.sagemaker.api import SageMaker
from twin.sagemaker.endpoints import Endpoints
from twin.sagemaker.processing import ProcessingJob
from twin.sagemaker.servers import VariantServer
from twin.sagemaker.training import TrainingJob
from twin.snapshot.pickling import _Pickler


class Shelf:
    """Looks first and writes then, and lets somebody else in between."""

    def __init__(self) -> None:
        self.things: list[str] = []

    def ensure(self) -> None:
        if not self.things:
            if threading.current_thread() is threading.main_thread():
                other = threading.Thread(target=self.ensure)
                other.start()
                other.join(0.05)
            self.things.append("thing")


def test_methods_made_one_step_wait_for_each_other() -> None:
    atomic.one_at_a_time(Shelf, "ensure")
    shelf = Shelf()
    shelf.ensure()
    assert shelf.things == ["thing"]


def test_an_object_deleted_while_a_bucket_is_listed_does_not_end_the_listing() -> None:
    keys = _VersionedKeyStore()
    keys["a"], keys["b"] = SimpleNamespace(), SimpleNamespace()
    listed = atomic._items(keys)
    next(listed)
    dict.pop(keys, "b")
    assert [name for name, _ in listed] == ["b"]


def test_what_a_creation_has_looked_at_cannot_change_before_it_writes() -> None:
    sagemaker = SageMaker(cast(Any, None), cast(Any, None))
    others: list[bool] = []

    def try_to_come_between(_request: Any) -> None:
        other = threading.Thread(target=lambda: others.append(sagemaker._changing.acquire(blocking=False)))
        other.start()
        other.join()

    sagemaker._alone(try_to_come_between)(None)
    assert others == [False]


@pytest.mark.parametrize("kind", [TrainingJob, ProcessingJob])
def test_who_sees_that_a_job_has_ended_can_ask_when(kind: type[jobs.Job], monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(kind):  # type: ignore[misc, valid-type]
        order: ClassVar[list[str]] = []

        def __setattr__(self, name: str, value: Any) -> None:
            self.order.append(name)
            object.__setattr__(self, name, value)

        def announce(self) -> None:
            """To nobody."""

    output = {"OutputDataConfig": {"S3OutputPath": "s3://bucket"}}
    job = Watched({f"{kind.kind}Name": "one", **output}, "1", "eu-west-1")
    Watched.order.clear()
    job.move(*(("Completed", "done", "Completed") if kind is TrainingJob else ("Completed",)))
    assert Watched.order.index("end_time") < Watched.order.index("status")
    assert training.ENDED == jobs.ENDED


def an_endpoint() -> Any:
    return SimpleNamespace(
        endpoint_name="one", arn="arn:one", endpoint_status="", failure_reason=None, last_modified_time=None, response_object={}
    )


def a_backend(*endpoints: Any) -> Any:
    return SimpleNamespace(endpoints={e.endpoint_name: e for e in endpoints}, account_id="1", region_name="eu-west-1")


def test_an_endpoint_at_the_address_of_a_deleted_one_is_served() -> None:
    endpoints, endpoint, fleet = Endpoints(cast(Any, None)), an_endpoint(), cast(Any, SimpleNamespace())
    endpoints.delete(a_backend(), endpoint)
    endpoints._serve(a_backend(endpoint), endpoint, fleet)
    assert endpoints._fleets == {"arn:one": fleet}
    assert endpoint.endpoint_status == "InService"


def test_an_endpoint_that_was_deleted_while_it_started_is_not_served_and_keeps_quiet() -> None:
    stopped: list[float] = []
    endpoints, old, new = Endpoints(cast(Any, None)), an_endpoint(), an_endpoint()
    endpoints._serve(a_backend(new), old, cast(Any, SimpleNamespace(stop=stopped.append)))
    endpoints._move(a_backend(new), old, "Failed", "it was ended")
    assert len(stopped) == 1
    assert endpoints._fleets == {}
    assert (old.endpoint_status, new.endpoint_status) == ("", "")


def test_a_server_that_is_being_stopped_is_not_started_again() -> None:
    server = VariantServer.__new__(VariantServer)
    started: list[str] = []
    server.name, server._launching, server._closing = "v1", threading.Lock(), threading.Event()
    server._launch = lambda: started.append("again")  # type: ignore[method-assign]
    server._launch_again()
    server._closing.set()
    server._launch_again()
    assert started == ["again"]


class ExecutionWorker:
    """As moto's, with the lock of its history held by a thread that a forked child does not have."""

    def __init__(self, history: list[str]):
        def wait_for_ever() -> None:
            raise AssertionError("it would hang")

        self.env = SimpleNamespace(event_manager=SimpleNamespace(get_event_history=wait_for_ever, _history_event_list=history))


def test_a_snapshot_waits_for_no_thread_of_the_twin() -> None:
    _, (history,) = _Pickler.reducer_override(cast(Any, None), ExecutionWorker(["entered"]))
    assert history == ["entered"]


def test_a_server_s_port_is_none_that_an_outgoing_connection_may_take(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    system = tmp_path / "range"
    monkeypatch.setattr(free_ports, "_RANGE", system)
    monkeypatch.setattr(free_ports, "_is_free", lambda port: port % 2 == 0)
    for outgoing, expected in (("32768\t60999", range(15_000, 32_768)), ("1024 60999", range(61_000, 65_001))):
        system.write_text(outgoing)
        assert free_ports.free_ports() in expected


def test_ports_in_a_row_are_all_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_ports, "_is_free", lambda port: port % 3 != 0)
    assert free_ports.free_ports(2) % 3 == 1
