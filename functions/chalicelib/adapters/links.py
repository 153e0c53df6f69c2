"""The port Links: presigned URLs of S3."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.adapters.aws import translated


@cache
def _signer() -> Any:
    """Signature 4 and the bucket's own regional host: a browser does not follow a redirect of S3 from one host to another.

    Source: Amazon S3 User Guide, "Download and upload objects with presigned URLs"; "Virtual hosting of general purpose buckets".
    """
    return boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


class S3Links:
    """A link ends with the role's session at the latest, which a Lambda gets anew each few hours."""

    def __init__(self, artifact_bucket: str, data_bucket: str) -> None:
        self._artifact_bucket, self._data_bucket = artifact_bucket, data_bucket

    def to_artifact(self, key: str, valid_for_s: int, file_name: str = "") -> str:
        """`file_name`: letters, digits, `.`, `-`, `_`."""
        shown = {"ResponseContentDisposition": f'attachment; filename="{file_name}"'} if file_name else {}
        return self._signed({"Bucket": self._artifact_bucket, "Key": key, **shown}, valid_for_s)

    def to_data(self, key: str, valid_for_s: int) -> str:
        """The object as it is."""
        return self._signed({"Bucket": self._data_bucket, "Key": key}, valid_for_s)

    def _signed(self, parameters: dict[str, str], valid_for_s: int) -> str:
        with translated():
            return str(_signer().generate_presigned_url("get_object", Params=parameters, ExpiresIn=valid_for_s))
