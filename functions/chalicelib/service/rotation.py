"""A new token for a service; the old one ends, at once or some time later."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from chalicelib.domain.service import Service
from chalicelib.domain.times import moment_of, text_of
from chalicelib.ports import Platform
from chalicelib.service.finding import find_service
from chalicelib.service.services import TOKEN_OUTLIVES_S
from chalicelib.service.tokens import TokenOrder, create_token, revoke_token
from chalicelib.service.updates import note_update
from droplearn.contracts.errors import Conflict
from droplearn.contracts.status import Permission


class Rotated(NamedTuple):
    """`secret` is shown this once."""

    service: Service
    secret: str
    old_valid_until: str


def rotate_token(platform: Platform, service_id: str, grace_s: int, by: str = "") -> Rotated:
    """Raises NotFound (`service.unknown`), Conflict (`service.over`; `service.busy`: somebody else did the same just now)."""
    service = find_service(platform, service_id)
    if service.state.is_terminal:
        raise Conflict("service.over", f"The service is {service.status}.", hint="Deploy the model again.")
    now = platform.now()
    ends = moment_of(service.stops_at) if service.stops_at else now + timedelta(seconds=service.max_runtime_s)
    valid_for_s = max(0, round((ends - now).total_seconds())) + TOKEN_OUTLIVES_S
    order = TokenOrder([Permission.PREDICT], [service.project], f"service {service_id}", valid_for_s, service=service_id, created_by=by)
    made = create_token(platform, order)
    changed = platform.services.change(service_id, {"token": made.token.id, "updated_at": text_of(now)}, only_if={"token": [service.token]})
    if changed is None:
        platform.tokens.remove(made.token.id)
        raise Conflict("service.busy", "Its token was changed just now.", hint="Try again if that was not you.")
    until = _end_old(platform, service.token, grace_s)
    note_update(platform, service_id, "token", by, {"token": made.token.id, "old_valid_until": until})
    return Rotated(changed, made.secret, until)


def _end_old(platform: Platform, token_id: str | None, grace_s: int) -> str:
    until = text_of(platform.now() + timedelta(seconds=grace_s))
    old = platform.tokens.get(token_id) if token_id else None
    if old is None:
        return until
    if grace_s == 0:
        revoke_token(platform, old.id)
        return until
    until = min(until, old.valid_until or until)
    platform.tokens.change(old.id, {"valid_until": until})
    return until
