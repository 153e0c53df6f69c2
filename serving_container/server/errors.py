"""Errors inside the server, named for who must act, and their translation to V-5.

InvalidModel (UserError)   the model folder cannot be served: the server does not start
Ended                      the server ends while it still loads: whoever loads has nothing more to do
RequestError               one request is answered with an error code
"""

from __future__ import annotations

from droplearn.contracts.errors import UserError
from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios.answering import UndecodableInput


class InvalidModel(UserError):
    """`model.missing`, `model.corrupt_file`, `model.unusable`."""


class Ended(Exception):
    """Nobody waits for the load any more."""


class RequestError(Exception):
    """`detail` goes into the log, the X-Error-Detail header and, for `?details=true`, the body, which else is V-5's, byte for byte."""

    def __init__(self, code: ErrorCode, detail: str, http_status: int | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.http_status = code, detail, http_status or code.http_status


def translate(error: Exception) -> RequestError:
    """What the caller is told. Anything unforeseen is 2001, without a word on the cause."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, UserError):
        return RequestError(ErrorCode.INPUT_FORMAT_ERROR, error.message)
    if isinstance(error, UndecodableInput):
        return RequestError(ErrorCode.IMAGE_DECODE_ERROR, str(error))
    if isinstance(error, MemoryError):
        return RequestError(ErrorCode.GET_INSTANCE_ERROR, "The instance has not enough memory for this input.")
    return RequestError(ErrorCode.UNKNOWN_ERROR, "An error of the server; its log has the request id.")
