"""Invoked by an administrator of the AWS account (IAM decides who may): the first token."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.tokens import issue_admin_token


def handle(_event: dict[str, Any]) -> dict[str, str]:
    """`{}` -> `{"token"}`."""
    return {"token": issue_admin_token(platform())}
