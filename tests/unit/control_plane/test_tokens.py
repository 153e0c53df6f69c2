"""Tokens and what they may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.token import parse
from chalicelib.service.identifying import identify
from chalicelib.service.tokens import TokenOrder, create_token, issue_admin_token, revoke_token
from droplearn.contracts.errors import Forbidden, InvalidRequest, Unauthenticated
from droplearn.contracts.status import Permission
from tests.fakes import FakePlatform


def made(platform: FakePlatform, **fields):
    order = TokenOrder(**({"permissions": [Permission.TRAIN_MODEL], "projects": ["zoo"]} | fields))
    return create_token(platform, order)


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}", "  Bearer   {} "])
def test_a_token_is_known_with_and_without_bearer(form):
    platform = FakePlatform()
    token, secret = made(platform)
    assert identify(platform, form.format(secret)).id == token.id


@given(st.text(max_size=60))
def test_whatever_is_sent_as_a_token_is_refused_in_the_same_words(text):
    platform = FakePlatform()
    with pytest.raises(Unauthenticated) as refused:
        identify(platform, text)
    assert refused.value.code in ("token.missing", "token.invalid")


def test_a_right_id_with_a_wrong_secret_is_refused():
    platform = FakePlatform()
    _, secret = made(platform)
    token_id, _ = parse(secret)
    with pytest.raises(Unauthenticated):
        identify(platform, f"dlt_{token_id}_wrong")


def test_a_revoked_token_is_refused_at_once():
    platform = FakePlatform()
    token, secret = made(platform)
    revoke_token(platform, token.id)
    revoke_token(platform, token.id)
    with pytest.raises(Unauthenticated):
        identify(platform, secret)


def test_a_token_ends_when_its_time_is_over():
    platform = FakePlatform()
    _, secret = made(platform, valid_for_s=60)
    platform.pass_time(59)
    identify(platform, secret)
    platform.pass_time(1)
    with pytest.raises(Unauthenticated):
        identify(platform, secret)


def test_only_a_hash_is_kept():
    platform = FakePlatform()
    _, secret = made(platform)
    assert parse(secret)[1] not in str(platform.tokens.known)


def test_a_missing_permission_is_named():
    token, _ = made(FakePlatform())
    token.require(Permission.TRAIN_MODEL, "zoo")
    with pytest.raises(Forbidden, match="DeployService"):
        token.require(Permission.DEPLOY_SERVICE, "zoo")
    with pytest.raises(Forbidden, match="garden"):
        token.require(Permission.TRAIN_MODEL, "garden")


@pytest.mark.parametrize("point", list(Permission))
def test_an_administrator_may_everything(point):
    platform = FakePlatform()
    admin = identify(platform, issue_admin_token(platform))
    admin.require(point, "any")
    admin.require_admin()


def test_an_administrator_of_one_project_is_none_of_the_installation():
    token, _ = made(FakePlatform(), permissions=[Permission.ADMIN])
    token.require(Permission.DEPLOY_SERVICE, "zoo")
    with pytest.raises(Forbidden):
        token.require_admin()


def test_a_services_token_opens_nothing_else():
    token, _ = made(FakePlatform(), permissions=[Permission.PREDICT], service="service-1")
    assert not any(token.may(point, "zoo") for point in Permission)
    assert not replace(token, permissions=["Admin"]).may(Permission.PREDICT, "zoo")


@pytest.mark.parametrize("fields", [{"permissions": []}, {"projects": []}, {"projects": ["no/name"]}])
def test_a_token_without_sense_is_refused(fields):
    with pytest.raises(InvalidRequest):
        made(FakePlatform(), **fields)
