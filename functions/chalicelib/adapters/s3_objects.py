"""The ports Artifacts and ServiceImages on S3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, found, is_not_found, translated
from chalicelib.adapters.s3_listing import list_objects
from chalicelib.ports import StoredObject
from droplearn.contracts.errors import NotFound
from droplearn.contracts.s3_layout import s3_uri

_AT_ONCE = 1000
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Source: W3C, Extensible Markup Language 1.0, Char."""


class S3Objects:
    """One bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def read(self, key: str) -> bytes | None:
        """One GetObject."""
        answer = found("s3", "get_object", Bucket=self._bucket, Key=key)
        if answer is None:
            return None
        with translated():
            return bytes(answer["Body"].read())

    def read_range(self, key: str, first: int, count: int) -> bytes:
        """One GetObject with Range."""
        with translated():
            try:
                answer = client("s3").get_object(Bucket=self._bucket, Key=key, Range=f"bytes={first}-{first + count - 1}")
            except ClientError as error:
                if code_of(error) == "InvalidRange":
                    return b""
                if is_not_found(error):
                    raise NotFound("artifact.unknown", f"There is no {self.uri(key)}.") from error
                raise
            return bytes(answer["Body"].read())

    def size(self, key: str) -> int | None:
        """One HeadObject."""
        answer = found("s3", "head_object", Bucket=self._bucket, Key=key)
        return int(answer["ContentLength"]) if answer is not None else None

    def write(self, key: str, body: bytes) -> None:
        """One PutObject."""
        with translated():
            client("s3").put_object(Bucket=self._bucket, Key=key, Body=body)

    def remove(self, keys: Sequence[str]) -> None:
        """DeleteObjects, a thousand at a time: its limit. Source: Amazon S3 API Reference. One by one where XML has no word for a key."""
        for key in filter(_NOT_IN_XML.search, keys):
            with translated():
                client("s3").delete_object(Bucket=self._bucket, Key=key)
        sayable = [key for key in keys if not _NOT_IN_XML.search(key)]
        for start in range(0, len(sayable), _AT_ONCE):
            given = {"Objects": [{"Key": key} for key in sayable[start : start + _AT_ONCE]], "Quiet": True}
            with translated():
                if errors := client("s3").delete_objects(Bucket=self._bucket, Delete=given).get("Errors"):
                    raise ClientError({"Error": errors[0]}, "DeleteObjects")

    def copy(self, uri: str, key: str) -> None:
        """One CopyObject: up to 5 GB. Source: Amazon S3 API Reference, CopyObject."""
        bucket, _, source = uri.removeprefix("s3://").partition("/")
        with translated():
            try:
                client("s3").copy_object(Bucket=self._bucket, Key=key, CopySource={"Bucket": bucket, "Key": source})
            except ClientError as error:
                if is_not_found(error):
                    raise NotFound("artifact.unknown", f"There is no {uri}.") from error
                raise

    def upload(self, key: str, file: BinaryIO) -> None:
        """A multipart upload where the file is large."""
        with translated():
            client("s3").upload_fileobj(file, self._bucket, key)

    def lines(self, key: str) -> Iterator[bytes]:
        """One GetObject, read as it comes."""
        answer = found("s3", "get_object", Bucket=self._bucket, Key=key)
        if answer is None:
            raise NotFound("artifact.unknown", f"There is no {self.uri(key)}.")
        with translated():
            yield from answer["Body"].iter_lines(chunk_size=1 << 20)

    def listed(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """ListObjectsV2, a thousand at a time."""
        return list_objects(self._bucket, prefix, after)

    def uri(self, key: str) -> str:
        """`s3://bucket/key`."""
        return s3_uri(self._bucket, key)
