"""Tests of a service over HTTP, on fakes; and the port they need, on S3."""

from __future__ import annotations

import base64
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from chalicelib.adapters import aws
from chalicelib.adapters.s3_objects import S3Objects
from droplearn.contracts.errors import InternalError
from droplearn.contracts.status import Permission
from tests.contract.control_plane.conftest import Call
from tests.fake_drops import FakeDroppedFiles, FakeServiceImages
from tests.unit.control_plane.test_testing_services import OWN, a_service
from tests.unit.control_plane.things import PROJECT

KEY = {"idempotency-key": "click"}
IMAGE = {"name": "cat/1.jpg", "body": base64.b64encode(b"picture").decode()}


@pytest.fixture
def path(fake_platform: Any) -> str:
    return f"/v1/services/{a_service(fake_platform).id}"


def test_a_test_is_made_listed_and_seen_at_another_threshold(call: Call, path: str):
    status, made = call("POST", f"{path}/tests", {"images": [IMAGE], "threshold": 0.9})
    assert (status, made["image_count"], made["right_count"], made["path"]) == (201, 1, 1, OWN)
    (image,) = made["images"]
    assert (image["predictions"], image["below_threshold_count"], image["hint"][:20]) == ([], 2, "Nothing reaches 0.90")
    assert image["url"].startswith("https://data.example.com/")
    status, seen = call("GET", f"{path}/tests/{made['id']}", query="threshold=0.2")
    assert (status, [p["label"] for p in seen["images"][0]["predictions"]], seen["images"][0]["hint"]) == (200, ["cat", "dog"], "")
    status, listed = call("GET", f"{path}/tests")
    assert (status, [test["id"] for test in listed["tests"]]) == (200, [made["id"]])


def test_a_test_goes_on_and_the_same_key_makes_no_second(call: Call, path: str):
    made = call("POST", f"{path}/tests", {"images": [IMAGE]}, **KEY)[1]
    again = call("POST", f"{path}/tests", {"images": [IMAGE]}, **KEY)[1]
    status, seen = call("POST", f"{path}/tests/{made['id']}/continue", query="threshold=0.9")
    assert (status, made["pending_count"], made["id"], seen["id"]) == (200, 0, again["id"], again["id"])
    assert (seen["images"][0]["is_pending"], seen["images"][0]["predictions"]) == (False, [])
    assert call("POST", f"{path}/tests", {"images": []}, **KEY)[0] == 409


def test_kept_images_are_listed_and_removed(call: Call, path: str):
    call("POST", f"{path}/tests", {"images": [IMAGE]})
    assert [image["name"] for image in call("GET", f"{path}/test-images")[1]["images"]] == ["cat/1.jpg"]
    for _ in range(2):
        assert call("DELETE", f"{path}/test-images", query="name=cat%2F1.jpg")[0] == 204
    assert call("GET", f"{path}/test-images")[1]["images"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"images": [IMAGE] * 31}, "request.invalid"),
        ({"images": [IMAGE | {"body": "no base64!"}]}, "request.invalid"),
        ({"images": [IMAGE | {"name": "../1.jpg"}]}, "service_test.bad_name"),
        ({"images": [IMAGE | {"name": "/1.jpg"}]}, "service_test.bad_name"),
        ({"path": "elsewhere/"}, "service_test.foreign_path"),
        ({"threshold": 1.5}, "request.invalid"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Call, path: str, body: Any, code: str):
    status, told = call("POST", f"{path}/tests", body)
    assert (status, told["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("permissions", "statuses"),
    [
        ([Permission.LIST_PROJECT], (403, 403, 200, 403)),
        ([Permission.PREDICT], (403, 403, 403, 204)),
        ([Permission.PREDICT, Permission.LIST_PROJECT], (201, 200, 200, 204)),
    ],
)
def test_who_tests_may_predict_and_see_the_project(call: Call, path: str, permissions: list[Permission], statuses: tuple[int, ...]):
    made = call("POST", f"{path}/tests", {"images": [IMAGE]})[1]
    token = call("POST", "/v1/tokens", {"permissions": permissions, "projects": [PROJECT]})[1]["token"]
    asked = (
        call("POST", f"{path}/tests", {"images": [IMAGE]}, token=token)[0],
        call("POST", f"{path}/tests/{made['id']}/continue", token=token)[0],
        call("GET", f"{path}/tests/{made['id']}", token=token)[0],
        call("DELETE", f"{path}/test-images", query="name=x", token=token)[0],
    )
    assert asked == statuses


@pytest.mark.parametrize("name", ["猫+1.jpg", "<&>\r\n.jpg", "bell\x07.jpg"])
@pytest.mark.parametrize("kind", ["fake", "s3"])
def test_an_image_is_written_read_and_removed(kind: str, name: str, cloud: None):
    images: Any = FakeServiceImages(FakeDroppedFiles())
    if kind == "s3":
        boto3.client("s3").create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        images = S3Objects("data")
    assert images.read(f"p/.service-tests/s/{name}") is None
    images.write(f"p/.service-tests/s/{name}", b"1")
    assert images.read(f"p/.service-tests/s/{name}") == b"1"
    for _ in range(2):
        images.remove([f"p/.service-tests/s/{name}", "p/none"])
    assert images.read(f"p/.service-tests/s/{name}") is None


def test_an_image_that_may_not_be_removed_is_no_silence(cloud: None):
    refused = {"Errors": [{"Key": "p/1.jpg", "Code": "AccessDenied", "Message": "no"}]}
    with patch.object(aws.client("s3"), "delete_objects", return_value=refused), pytest.raises(InternalError, match=r"permission\.missing"):
        S3Objects("data").remove(["p/1.jpg"])
