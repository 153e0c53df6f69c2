"""A request's body, refused as soon as it is known to be too big or too slow."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from droplearn.contracts.prediction import ErrorCode
from server.errors import RequestError


async def read_body(request: Request, max_bytes: int, timeout_s: float) -> bytes:
    """Raises RequestError 1001 (413: too big, judged by Content-Length before a byte is read; 408: too slow)."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise _too_big(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(request, max_bytes)
    except TimeoutError as error:
        raise RequestError(ErrorCode.INPUT_FORMAT_ERROR, f"The body did not arrive within {timeout_s} s.", 408) from error
    except ClientDisconnect as error:
        raise RequestError(ErrorCode.INPUT_FORMAT_ERROR, "The caller hung up.") from error


async def _collect(request: Request, max_bytes: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_big(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_big(max_bytes: int) -> RequestError:
    return RequestError(ErrorCode.INPUT_FORMAT_ERROR, f"The body is bigger than {max_bytes} bytes.", 413)
