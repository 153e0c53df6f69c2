"""The port ServiceImages on the data bucket."""

from __future__ import annotations

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, is_not_found, translated


class S3ServiceImages:
    """One bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def read(self, key: str) -> bytes | None:
        """One GetObject."""
        with translated():
            try:
                return bytes(client("s3").get_object(Bucket=self._bucket, Key=key)["Body"].read())
            except ClientError as error:
                if is_not_found(error):
                    return None
                raise

    def write(self, key: str, body: bytes) -> None:
        """One PutObject."""
        with translated():
            client("s3").put_object(Bucket=self._bucket, Key=key, Body=body)

    def remove(self, key: str) -> None:
        """One DeleteObject."""
        with translated():
            client("s3").delete_object(Bucket=self._bucket, Key=key)
