"""S3 as a job sees it: with the job's role. Downloads read moto's blobs directly (and ask IAM first); uploads go through the API."""

import json
import logging
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.config import Config
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeDeleteMarker, s3_backends

from twin.clients import make_client
from twin.iam.enforcement import require
from twin.iam.policies import Need
from twin.identity import Keys

log = logging.getLogger("twin.sagemaker")
_UPLOADS_AT_ONCE = 4
_BLOCK_BYTES = 4 * 1024 * 1024


class DownloadFailed(Exception):
    """SageMaker's "Data download failed", with its words."""


@contextmanager
def _told(bucket: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise DownloadFailed(f"AccessDenied (403): {error}") from None
    except MissingBucket:
        raise DownloadFailed(f"NoSuchBucket (404): The specified bucket does not exist: {bucket}") from None


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` as bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class RoleStorage:
    """Reads and writes S3 in the name of a role."""

    def __init__(self, role_arn: str, keys: Keys, endpoint_url: str, account: str, region: str):
        self._role_arn, self._region = role_arn, region
        self._backend = s3_backends[account]["aws"]
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2})
        self._client = make_client("s3", region, endpoint_url, keys, config)

    def download(self, uri: str, kind: str, folder: Path) -> int:
        """What an S3DataSource names, into a folder; the number of files.

        Raises:
            DownloadFailed: a permission, bucket or object is missing.
        """
        with _told(split_uri(uri)[0]):
            count = 0
            for bucket, key, path in self._named(uri, kind, folder):
                self._fetch(bucket, key, path)
                count += 1
            return count

    def named(self, uri: str, kind: str, folder: Path) -> list[tuple[str, str, Path]]:
        """(bucket, key, path below `folder`) of what an S3DataSource names; nothing is read but a manifest.

        Raises:
            DownloadFailed: as for `download`.
        """
        with _told(split_uri(uri)[0]):
            return list(self._named(uri, kind, folder))

    def read(self, bucket: str, key: str) -> bytes:
        """One object.

        Raises:
            DownloadFailed: as for `download`.
        """
        with _told(bucket):
            return self._read(bucket, key)

    def _named(self, uri: str, kind: str, folder: Path) -> Iterable[tuple[str, str, Path]]:
        return self._of_manifest(uri, folder) if kind == "ManifestFile" else self._of_prefix(uri, folder)

    def download_file(self, uri: str, path: Path) -> None:
        """One object."""
        bucket, key = split_uri(uri)
        with _told(bucket):
            self._fetch(bucket, key, path)

    def _of_prefix(self, uri: str, folder: Path) -> Iterable[tuple[str, str, Path]]:
        bucket, prefix = split_uri(uri)
        context: dict[str, str | list[str]] = {"s3:prefix": prefix, "aws:requestedregion": self._region}
        require(self._role_arn, Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", context))
        for key in self._backend.list_objects(self._backend.get_bucket(bucket), prefix, None, None, None)[0]:
            if not key.name.endswith("/"):
                yield bucket, key.name, _inside(folder, _relative(key.name, prefix))

    def _of_manifest(self, uri: str, folder: Path) -> Iterable[tuple[str, str, Path]]:
        bucket, key = split_uri(uri)
        entries = json.loads(self._read(bucket, key))
        if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict) or "prefix" not in entries[0]:
            raise DownloadFailed(f"the manifest {uri} must be a list whose first entry is an object with a prefix")
        source, prefix = split_uri(entries[0]["prefix"])
        for relative in entries[1:]:
            yield source, prefix + relative, _inside(folder, relative)

    def _object(self, bucket: str, key: str) -> Any:
        require(self._role_arn, Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", {"aws:requestedregion": self._region}))
        found = self._backend.get_bucket(bucket).keys.get(key)
        if found is None or isinstance(found, FakeDeleteMarker):
            raise DownloadFailed(f"NoSuchKey (404): The specified key does not exist: s3://{bucket}/{key}")
        return found

    def _read(self, bucket: str, key: str) -> bytes:
        return bytes(self._object(bucket, key).value)

    def _fetch(self, bucket: str, key: str, path: Path) -> None:
        body = self._read(bucket, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        except OSError as error:
            raise DownloadFailed(f"cannot write s3://{bucket}/{key} to a file: {error.strerror}") from None

    def upload_file(self, path: Path, uri: str) -> None:
        """One file."""
        bucket, key = split_uri(uri)
        with path.open("rb") as body:
            self._client.put_object(Bucket=bucket, Key=key, Body=body)

    def upload_files(self, paths: Iterable[Path], folder: Path, uri: str) -> None:
        """Files below a folder, to the same relative keys below a prefix."""

        def upload(path: Path) -> None:
            try:
                self.upload_file(path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}")
            except FileNotFoundError:
                log.info("%s vanished before it was uploaded", path)

        with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
            for _ in pool.map(upload, list(paths)):
                pass

    def upload_tar(self, folder: Path, uri: str) -> None:
        """A folder's content as .tar.gz. Level 1: weights hardly compress, and time is the job's."""
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                for entry in sorted(folder.iterdir()):
                    archive.add(entry, entry.name)
            file.flush()
            self.upload_file(Path(file.name), uri)


def files_below(folder: Path) -> dict[Path, tuple[int, int]]:
    """All files below a folder, with what tells whether one has changed: time of change (ns) and size (bytes)."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _relative(key: str, prefix: str) -> str:
    """Where SageMaker puts an object of a prefix: below the last slash of `prefix`, or below `prefix/` when that is a folder."""
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    if key.startswith(prefix + "/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def _inside(folder: Path, relative: str) -> Path:
    path = Path(os.path.normpath(folder / relative))
    if not path.is_relative_to(folder) or path == folder:
        raise DownloadFailed(f"the object {relative!r} would be written outside of its channel")
    return path
