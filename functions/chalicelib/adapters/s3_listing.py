"""Every object below a prefix of a bucket."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.adapters.aws import client, translated
from chalicelib.domain.times import text_of
from chalicelib.ports import StoredObject


def list_objects(bucket: str, prefix: str, after: str = "") -> Iterator[StoredObject]:
    """Page by page, by key."""
    given = {"StartAfter": after} if after else {}
    with translated():
        for page in client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **given):
            for found in page.get("Contents", []):
                yield StoredObject(found["Key"], int(found["Size"]), text_of(found["LastModified"]))
