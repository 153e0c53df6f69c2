"""Functions' code as files in the snapshot's folder: moto keeps a copy of the zip in memory for each function."""

from typing import Any

from moto.awslambda.models import LambdaFunction

from twin.snapshot.blobs import Blob


def install() -> None:
    """Make `code_bytes` of moto's functions a view of a file."""

    def read(function: Any) -> bytes:
        blob: Blob = function.__dict__["code_blob"]
        blob.seek(0)
        return blob.read()

    def write(function: Any, code: bytes) -> None:
        function.__dict__["code_blob"] = blob = Blob()
        blob.write(code)

    LambdaFunction.code_bytes = property(read, write)
