"""A client of droplearn: drops files into the data bucket and speaks the HTTP API. The CLI and the demo are built on it.

Needs the `cli` extra. Beside chalicelib's adapters and the twin the only place that imports boto3.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from droplearn.contracts.connection import Connection
from droplearn.contracts.errors import (
    BudgetExceeded,
    Conflict,
    DropLearnError,
    Forbidden,
    InternalError,
    InvalidDataset,
    InvalidRequest,
    NotFound,
    Throttled,
    TransientError,
    Unauthenticated,
)
from droplearn.contracts.s3_layout import CONFIG_FILE, dataset_prefix
from droplearn.scenarios import infer_scenario

Json = dict[str, Any]
Progress = Callable[[int, int], None]
"""(done, total)"""

_PARALLEL_UPLOADS = 16
_TOO_LARGE = 413
_REFUSALS = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidClientTokenId")
_BY_STATUS: dict[int, type[DropLearnError]] = {
    400: InvalidRequest,
    401: Unauthenticated,
    402: BudgetExceeded,
    403: Forbidden,
    404: NotFound,
    405: InvalidRequest,
    409: Conflict,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidDataset,
    429: Throttled,
    503: TransientError,
}


class Client:
    """One connection. Every method raises a DropLearnError with a hint when it cannot do what it says."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._http = urllib3.PoolManager(retries=urllib3.Retry(connect=3, read=0, other=0, status=0, backoff_factor=0.2))
        self._s3: Any = None

    # ---- HTTP API ----------------------------------------------------------------------------------------------------
    def call(self, method: str, path: str, body: Json | None = None, **query: Any) -> Json:
        """One API call with the connection's token. `path` starts with `/v1/`."""
        asked = {k: v for k, v in query.items() if v is not None}
        url = self.connection.api_url.rstrip("/") + path + (f"?{urlencode(asked)}" if asked else "")
        headers = {"authorization": f"Bearer {self.connection.admin_token or ''}", "content-type": "application/json"}
        return self._answer(method, url, headers, json.dumps(body).encode() if body is not None else None)

    def pages(self, path: str, items: str, **query: Any) -> Iterator[Json]:
        """Every item of a cursor-paged list."""
        for page in self.page_by_page(path, **query):
            yield from page[items]

    def page_by_page(self, path: str, **query: Any) -> Iterator[Json]:
        """Every page of a cursor-paged list."""
        cursor = None
        while True:
            page = self.call("GET", path, cursor=cursor, **query)
            yield page
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def fetch(self, url: str) -> bytes:
        """What a presigned URL links to. No token is sent along."""
        reply = self._request("GET", url, {}, None)
        if reply.status >= 400:
            raise NotFound("link.not_usable", f"The link answers {reply.status}.", hint="Links live for a quarter of an hour: ask again.")
        return reply.data

    def predict(self, url: str, token: str, body: bytes, content_type: str) -> Json:
        """The service's own answer, also when it is an error in the prediction form."""
        reply = self._request("POST", url, {"authorization": token, "content-type": content_type}, body)
        answer = _parsed(reply)
        if reply.status >= 400 and "success" not in answer:
            raise _error(reply.status, answer)
        return answer

    def _answer(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Json:
        reply = self._request(method, url, headers, body)
        answer = _parsed(reply)
        if reply.status >= 400:
            raise _error(reply.status, answer)
        return answer

    def _request(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> urllib3.BaseHTTPResponse:
        try:
            return self._http.request(method, url, headers=headers, body=body, timeout=urllib3.Timeout(connect=5, read=65))
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(
                "api.unreachable",
                f"No answer from {self.connection.api_url}: {type(error).__name__}.",
                hint="Is it running? Start it with `droplearn up`, or name another --connection.",
            ) from error

    # ---- dropping ----------------------------------------------------------------------------------------------------
    def drop(self, folder: Path, project: str, dataset: str, scenario: str | None = None, progress: Progress | None = None) -> int:
        """Upload every file below `folder`; returns how many. With `scenario`, a droplearn.yaml is written where there is none.

        Without it, annotated pictures and tables are told from all the names at once: the first of them that arrive might not show it.
        """
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if not files:
            raise InvalidRequest("drop.empty_folder", f"There is no file below {folder}.", hint="Name a folder with one folder per label.")
        prefix = dataset_prefix(project, dataset)
        scenario = scenario or _scenario_of(path.relative_to(folder).as_posix() for path in files)
        if scenario and not (folder / CONFIG_FILE).exists():
            with _translated(self.connection):
                body = f"scenario: {scenario}\n".encode()
                self._store().put_object(Bucket=self.connection.data_bucket, Key=prefix + CONFIG_FILE, Body=body)
        with ThreadPoolExecutor(_PARALLEL_UPLOADS) as pool:
            sent = pool.map(lambda path: self._upload(path, prefix + path.relative_to(folder).as_posix()), files)
            for done, _ in enumerate(sent, 1):
                if progress:
                    progress(done, len(files))
        return len(files)

    def upload(self, files: Mapping[str, Path]) -> None:
        """Key -> file, into the data bucket."""
        with ThreadPoolExecutor(_PARALLEL_UPLOADS) as pool:
            list(pool.map(lambda key: self._upload(files[key], key), files))

    def dropped_paths(self, project: str, dataset: str) -> Iterator[str]:
        """The objects below the dataset's prefix, without its droplearn.yaml."""
        prefix = dataset_prefix(project, dataset)
        pages = self._store().get_paginator("list_objects_v2").paginate(Bucket=self.connection.data_bucket, Prefix=prefix)
        with _translated(self.connection):
            yield from (
                o["Key"].removeprefix(prefix) for page in pages for o in page.get("Contents", []) if o["Key"] != prefix + CONFIG_FILE
            )

    def _upload(self, path: Path, key: str) -> None:
        with _translated(self.connection):
            self._store().put_object(Bucket=self.connection.data_bucket, Key=key, Body=path.read_bytes())

    def _store(self) -> Any:
        if self._s3 is None:
            given = self.connection
            config = Config(s3={"addressing_style": "path"}, max_pool_connections=_PARALLEL_UPLOADS, retries={"mode": "standard"})
            self._s3 = boto3.client(
                "s3",
                endpoint_url=given.aws_endpoint_url,
                region_name=given.region,
                aws_access_key_id=given.access_key_id,
                aws_secret_access_key=given.secret_access_key,
                config=config,
            )
        return self._s3


def _scenario_of(paths: Iterable[str]) -> str | None:
    found = infer_scenario(paths)
    return None if found is None or found.spec.labels_from == "path" else found.name


@contextmanager
def _translated(connection: Connection) -> Iterator[None]:
    """Raises Forbidden (`bucket.refused`), TransientError (`bucket.unreachable`)."""
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        if told["Code"] in _REFUSALS:
            hint = "Ask whoever gave you the connection for keys that may write there."
            raise Forbidden("bucket.refused", f"The bucket {connection.data_bucket} refuses: {told['Message']}", hint=hint) from error
        hint = "Try again; what has been uploaded stays, and may be uploaded again."
        raise TransientError("bucket.unreachable", f"The bucket {connection.data_bucket} answers: {told['Message']}", hint=hint) from error
    except BotoCoreError as error:
        where = connection.aws_endpoint_url or "S3"
        hint = "Is it running? Start it with `droplearn up`, or name another --connection. What has been uploaded stays."
        raise TransientError("bucket.unreachable", f"No answer from {where}.", hint=hint) from error


def wait_until(look: Callable[[], Json], is_over: Callable[[Json], bool], every_s: float = 0.5, limit_s: float = float("inf")) -> Json:
    """Look again and again, until it is over. Raises TransientError (`wait.too_long`) after `limit_s` seconds."""
    end = time.monotonic() + limit_s
    while not is_over(found := look()):
        if time.monotonic() > end:
            raise TransientError("wait.too_long", f"Not done after {limit_s:.0f} s.", hint="Look again later with `droplearn status`.")
        time.sleep(every_s)
    return found


def part(text: str) -> str:
    """A name or an id as one part of a path."""
    return quote(text, safe="")


def _parsed(reply: urllib3.BaseHTTPResponse) -> Json:
    try:
        found = json.loads(reply.data) if reply.data else {}
    except ValueError:
        found = {"error": {"code": "api.not_json", "message": reply.data[:200].decode(errors="replace")}}
    return found if isinstance(found, dict) else {"items": found}


def _error(status: int, answer: Json) -> DropLearnError:
    if status == _TOO_LARGE and "error" not in answer:  # API Gateway's own answer: {"message": "Request Entity Too Large"}
        return InvalidRequest("request.too_large", "The request is too large.", hint="Send at most 6 MB at once: a smaller file.")
    told = answer.get("error") or {"code": f"http.{status}", "message": str(answer.get("message") or answer.get("msg") or answer)}
    hint = told.get("hint", "")
    if request_id := told.get("request_id"):
        hint = f"{hint} (request {request_id})".strip() if status >= 500 else hint
    kind = _BY_STATUS.get(status, InternalError)
    return kind(told.get("code", "unknown"), told.get("message", ""), hint, told.get("details"))
