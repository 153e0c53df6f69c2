"""The port Lines on S3."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, is_not_found, translated
from droplearn.contracts.errors import NotFound


class S3Lines:
    """`buckets`: our names for them -> theirs."""

    def __init__(self, buckets: dict[str, str]) -> None:
        self._buckets = buckets

    def read(self, bucket: str, key: str, start: int) -> Iterator[tuple[bytes, int]]:
        """One GetObject with a Range, read as it comes."""
        with translated():
            try:
                body = client("s3").get_object(Bucket=self._buckets[bucket], Key=key, Range=f"bytes={start}-")["Body"]
            except ClientError as error:
                if code_of(error) in ("InvalidRange", "416"):  # it ends here
                    return
                if is_not_found(error):
                    raise NotFound("table.unknown", f"There is no {key}.", hint="Drop the file again, or name another.") from error
                raise
            place = start
            for line in body.iter_lines(chunk_size=1 << 18, keepends=True):
                place += len(line)
                yield line, place
