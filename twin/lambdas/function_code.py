"""Functions' code as files in the snapshot's folder: moto keeps a copy of the zip in memory for each function.

Code that comes from S3 stays the object's own file, whose name is the digest that moto would compute anew for each function.
"""

import base64
from typing import Any

from moto.awslambda import models
from moto.awslambda.models import LambdaFunction

from twin.snapshot.blobs import Blob


def install() -> None:
    """Make `code_bytes` of moto's functions a view of a file."""

    def read(function: Any) -> bytes:
        blob: Blob = function.__dict__["code_blob"]
        blob.seek(0)
        return blob.read()

    def write(function: Any, code: bytes | Blob) -> None:
        function.__dict__["code_blob"] = blob = Blob()
        if isinstance(code, Blob):
            blob.name = code.name
        else:
            blob.write(code)

    LambdaFunction.code_bytes = property(read, write)
    models._s3_content = _content_of


def _content_of(key: Any) -> tuple[Blob, int, str, str]:
    """The content, its size in bytes, and its SHA-256 in base64 and in hexadecimal digits."""
    blob: Blob = key._value_buffer
    digest = blob.name or ""
    return blob, key.size, base64.b64encode(bytes.fromhex(digest)).decode(), digest
