"""The ports Artifacts and Links: the fake and S3 (moto) pass the same suite."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from chalicelib.adapters.links import S3Links
from chalicelib.adapters.s3_objects import S3Objects
from droplearn.contracts.errors import NotFound
from tests.fakes import FakeArtifacts


@pytest.fixture(params=["fake", "s3"])
def artifacts(request: pytest.FixtureRequest, cloud: None) -> Any:
    if request.param == "fake":
        return FakeArtifacts()
    boto3.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return S3Objects("artifacts")


def test_an_object_is_read_as_it_was_written(artifacts: Any):
    assert artifacts.read("a/猫.json") is None
    artifacts.write("a/猫.json", b"1")
    artifacts.write("a/猫.json", b"2")
    assert artifacts.read("a/猫.json") == b"2"
    assert artifacts.uri("a/b") == "s3://artifacts/a/b"


def test_an_uploaded_file_is_read_line_by_line(artifacts: Any):
    artifacts.upload("lines", BytesIO(b"one\ntwo\nthree\n"))
    assert list(artifacts.lines("lines")) == [b"one", b"two", b"three"]


def test_the_size_of_an_object_is_told_without_reading_it(artifacts: Any):
    assert artifacts.size("a") is None
    artifacts.write("a", b"four")
    assert artifacts.size("a") == 4


def test_an_object_is_copied_under_another_key_and_one_that_is_not_there_is_named(artifacts: Any):
    artifacts.write("a/猫 1.tar.gz", b"archive")
    artifacts.copy(artifacts.uri("a/猫 1.tar.gz"), "b/model.tar.gz")
    assert artifacts.read("b/model.tar.gz") == b"archive"
    with pytest.raises(NotFound, match="a/none"):
        artifacts.copy(artifacts.uri("a/none"), "b/none")


def test_a_link_is_signed_for_the_bucket_s_own_region_so_that_a_browser_is_not_redirected(cloud: None):
    url = urlsplit(S3Links("artifacts", "data").to_artifact("a/猫 b.zip", 60, "b.zip"))
    assert url.netloc == "artifacts.s3.eu-west-1.amazonaws.com"
    assert url.path == "/a/%E7%8C%AB%20b.zip"
    query = parse_qs(url.query)
    assert query["X-Amz-Expires"] == ["60"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["response-content-disposition"] == ['attachment; filename="b.zip"']
    assert urlsplit(S3Links("artifacts", "data").to_data("p/d/x.jpg", 60)).netloc.startswith("data.s3.")


def test_lines_of_nothing_are_an_error(artifacts: Any):
    with pytest.raises(NotFound):
        list(artifacts.lines("nothing"))
