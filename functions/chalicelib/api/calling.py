"""Who calls, and where to: set once per request, read by the routes."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.domain.token import Token
from chalicelib.service.identifying import identify
from droplearn.contracts.status import Permission

_CALLER: ContextVar[Token] = ContextVar("caller")
_BASE_URL: ContextVar[str] = ContextVar("base_url", default="")


def enter(event: dict[str, Any], *, is_public: bool) -> None:
    """Raises Unauthenticated."""
    headers = event.get("headers") or {}
    _BASE_URL.set(f"{headers.get('x-forwarded-proto', 'http')}://{headers.get('host', '')}")
    if not is_public:
        _CALLER.set(identify(platform(), headers.get("authorization")))


def caller() -> Token:
    """Of this request."""
    return _CALLER.get()


def require(point: Permission, project: str | None) -> None:
    """Raises Forbidden (`forbidden.permission`)."""
    _CALLER.get().require(point, project)


def page_url(signed: str) -> str:
    """Where a preview is opened."""
    return f"{_BASE_URL.get()}/v1/preview/{signed}"


def predict_url(service_id: str) -> str:
    """Where the service answers."""
    return f"{_BASE_URL.get()}/v1/services/{service_id}/predict"
