"""The gate: moto's own check, replaced. Every request is that of the root keys, a user or a role, who may do what their policies say.

moto's original has no root, evaluates no conditions, and crashes on presigned URLs. Signatures are not verified (see GAPS.md).
"""

import logging
import re
from typing import Any

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.iam import access_control
from moto.iam.models import iam_backends
from moto.s3.exceptions import S3AccessDeniedError

from twin.iam.policies import Need, is_allowed
from twin.iam.requests import needs_of

log = logging.getLogger("twin.iam")
_FREE = {"sts:GetCallerIdentity", "sts:GetSessionToken"}  # need no permission in AWS
_XML_SERVICES = {"iam", "sts", "sns", "monitoring"}
_CREDENTIAL = re.compile(r"Credential=([^/,&]+)/[^/]+/([^/]+)/([^/]+)/aws4_request")
_OLD_PRESIGNED = re.compile(r"AWSAccessKeyId=([^&]+)")  # signature version 2


def install(root_access_key_id: str) -> None:
    """Enforce IAM on every request, except on those of the root keys."""
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0

    def check(request: Any, _iam_request_class: type, resource: str = "*") -> None:
        scope = _credential_scope(request)
        if scope is None:
            raise _denial("s3" if "s3" in type(request).__module__ else "", "anonymous", "anything", resource)
        key, region, service = scope
        if key != root_access_key_id:
            _check_principal(request, key, region, service, resource)

    ActionAuthenticatorMixin._authenticate_and_authorize_action = check


def _credential_scope(request: Any) -> tuple[str, str, str] | None:
    text = f"{request.headers.get('Authorization') or ''} {str(request.uri).replace('%2F', '/')}"
    if found := _CREDENTIAL.search(text):
        return found[1], found[2], found[3]
    if found := _OLD_PRESIGNED.search(text):
        return found[1], request.region, "s3"
    return None


def _check_principal(request: Any, key: str, region: str, service: str, resource: str) -> None:
    principal = _principal(request, key)
    needs = needs_of(request, service, region, resource)
    if needs and needs[0].action in _FREE:
        return
    documents = [_document(policy) for policy in principal.collect_policies()]
    for need in needs:
        if not is_allowed(documents, need):
            raise _denial(service, principal.arn, need.action, need.resource)


def require(role_arn: str, need: Need) -> None:
    """The gate for what the twin does in the name of a role without a request (a job's downloads).

    Raises:
        PermissionError: the role's policies do not allow it.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    backend = iam_backends[account]["aws"]
    inline = [backend.get_role_policy(name, policy)[1] for policy in backend.list_role_policies(name)]
    attached, _ = backend.list_attached_role_policies(name)
    if not is_allowed([*inline, *map(_document, attached)], need):
        log.warning("denied: %s may not %s on %s", role_arn, need.action, need.resource)
        raise PermissionError(f"{role_arn} is not authorized to perform: {need.action} on resource: {need.resource}")


def _document(policy: Any) -> Any:
    """Moto gives a role's inline policies as text, a user's in a wrapper, and attached ones as objects."""
    if isinstance(policy, dict) and "policy_document" in policy:
        return policy["policy_document"]
    return policy.document if hasattr(policy, "document") else policy


def _principal(request: Any, key: str) -> Any:
    headers = dict(request.headers)
    token = headers.get("X-Amz-Security-Token") or request.querystring.get("X-Amz-Security-Token", [None])[0]
    try:
        if key.startswith("ASIA"):
            return access_control.AssumedRoleAccessKey(request.current_account, "aws", key, {"X-Amz-Security-Token": token})
        return access_control.IAMUserAccessKey(request.current_account, "aws", key, {})
    except access_control.CreateAccessKeyFailure:
        raise JsonRESTError("UnrecognizedClientException", "The security token included in the request is invalid.") from None


def _denial(service: str, who: str, action: str, resource: str) -> Exception:
    log.warning("denied: %s may not %s on %s", who, action, resource)
    if service == "s3":
        return S3AccessDeniedError()
    if service in _XML_SERVICES:
        return AccessDeniedError(user_arn=who, action=action)
    return JsonRESTError("AccessDeniedException", f"User: {who} is not authorized to perform: {action} on resource: {resource}")
