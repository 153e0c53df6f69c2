"""How moto's backends become bytes and come back. Only for the twin's own file: unpickling runs code, so never feed it anything else.

What lives (threads, locks, workers, processes) is replaced by something at rest; references between backends stay references.
"""

import collections
import io
import pickle
import threading
import types
import weakref
from typing import Any

import moto.backends
from moto.core.base_backend import BaseBackend
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

_PARSER = "stepfunctions#parser"
_SERVICE_OF_MODULE = {"awslambda": "lambda", "sagemakerruntime": "sagemaker-runtime"}
BackendKey = tuple[str, str, str]


def key_of(backend: BaseBackend) -> BackendKey:
    """Service, account and region of a backend."""
    if isinstance(backend, StepFunctionsParserBackend):
        return _PARSER, backend.account_id, backend.region_name
    module = type(backend).__module__.split(".")[1]
    return _SERVICE_OF_MODULE.get(module, module), backend.account_id, backend.region_name


def backend_of(key: BackendKey) -> BaseBackend:
    """The live backend for a key."""
    service, account, region = key
    regions = stepfunctions_parser_backends if service == _PARSER else moto.backends.get_backend(service)
    return regions[account][region]


def dumps(state: dict[BackendKey, dict[str, Any]]) -> bytes:
    """The attributes of all backends as bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(state)
    return buffer.getvalue()


def loads(data: bytes) -> dict[BackendKey, dict[str, Any]]:
    """What `dumps` gave."""
    state: dict[BackendKey, dict[str, Any]] = _Unpickler(io.BytesIO(data)).load()
    return state


_LOCKS = {type(threading.Lock()): threading.Lock, type(threading.RLock()): threading.RLock}
_FRESH = (threading.Event, threading.Condition, weakref.WeakValueDictionary)


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return key_of(obj) if isinstance(obj, BaseBackend) else None

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind in _LOCKS:
            return _LOCKS[kind], ()
        if isinstance(obj, _FRESH):
            return kind, ()
        if isinstance(obj, threading.Thread) or kind.__module__.startswith("docker"):
            return _nothing, ()
        if isinstance(obj, types.FunctionType | types.MethodType) and "<l" in obj.__qualname__:
            return _nothing, ()  # lambdas and local functions: callbacks of what no longer runs
        if isinstance(obj, collections.defaultdict) and kind is not collections.defaultdict:
            return _bare_dictionary, (kind, obj.default_factory), obj.__dict__, None, iter(list(obj.items()))
        if kind.__name__ == "ExecutionWorker":
            # not get_event_history: a thread that is not in this forked child may hold its lock
            history = list(obj.env.event_manager._history_event_list) if obj.env is not None else []
            return _worker_at_rest, (history,)
        if kind.__name__ == "Environment" and kind.__module__.startswith("moto.stepfunctions"):
            return _nothing, ()
        if kind.__module__.startswith("cryptography.") and hasattr(obj, "private_bytes"):
            return _load_private_key, (_private_key_bytes(obj),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, pid: BackendKey) -> BaseBackend:
        return backend_of(pid)


def _nothing() -> None:
    return None


def _bare_dictionary(kind: Any, factory: Any) -> Any:
    made = kind.__new__(kind)
    made.default_factory = factory
    return made


def _worker_at_rest(history: list[Any]) -> types.SimpleNamespace:
    """What an ended execution still answers: its history, and that no task waits."""
    pool = types.SimpleNamespace(get=lambda *_: None, get_all=lambda: [], notify=lambda **_: False, heartbeat=lambda **_: False)
    manager = types.SimpleNamespace(get_event_history=lambda: history)
    env = types.SimpleNamespace(event_manager=manager, callback_pool_manager=pool, map_run_record_pool_manager=pool)
    return _WorkerAtRest(env=env, history=history, stop=lambda **_: None)


class _WorkerAtRest(types.SimpleNamespace):
    def __reduce__(self) -> Any:
        return _worker_at_rest, (self.history,)


def _private_key_bytes(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


def _load_private_key(pem: bytes) -> Any:
    from cryptography.hazmat.primitives import serialization

    return serialization.load_pem_private_key(pem, None)
