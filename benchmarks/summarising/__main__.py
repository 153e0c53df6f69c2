"""Step Summarise over 10^5 and 10^6 generated results: seconds and peak memory of a process that has done nothing else.

The results are made when they are read and the parts lie on the disk, so this is the work of the Lambda itself, without S3.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from chalicelib.domain.batch_job import BatchJob
from chalicelib.service.batch_summary import summarise
from droplearn.contracts.s3_layout import batch_prefix
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import PROJECT, a_model, a_platform

LABELS = [f"label {n}" for n in range(100)]
BLOCK = 1 << 20


class DiskArtifacts:
    """Port Artifacts on a folder; an answer is made when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path:
        return self._folder / key.replace("/", "\\")

    def read(self, key: str) -> bytes | None:
        if key.endswith(".out"):
            return _answer(int(key.rpartition("/")[2].split(".")[0]))
        return self.path(key).read_bytes()

    def write(self, key: str, body: bytes) -> None:
        self.path(key).write_bytes(body)

    def upload(self, key: str, file: BinaryIO) -> None:
        with self.path(key).open("wb") as out:
            while block := file.read(BLOCK):
                out.write(block)

    def lines(self, key: str) -> Iterator[bytes]:
        with self.path(key).open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


class DiskLines:
    """Port Lines on the same."""

    def __init__(self, artifacts: DiskArtifacts) -> None:
        self._artifacts = artifacts

    def read(self, bucket: str, key: str, start: int) -> Iterator[tuple[bytes, int]]:
        with self._artifacts.path(key).open("rb") as file:
            file.seek(start)
            for line in file:
                start += len(line)
                yield line, start


def _answer(number: int) -> bytes:
    """A hundredth of all fails; the others are a ranking of five."""
    if number % 100 == 0:
        return b'{"success": false, "errorCode": "1002", "errorMsg": "IMAGE_DECODE_ERROR", "detail": "truncated"}'
    body = [{"label": LABELS[(number + place) % 100], "conf": 0.9 / (place + 1)} for place in range(5)]
    return json.dumps(
        {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": {"height": 1, "width": 1}}}
    ).encode()


def _one(count: int) -> None:
    """In a process of its own: its peak is its own."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        platform: Any = _platform(Path(folder), count)
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        summarise(platform, "batch-x", 1, None, lambda: True)
        peak, taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic() - started
        files = {name: (Path(folder) / f"infer-result-batch-x\\summary.{name}").stat().st_size for name in ("csv", "parquet")}
        told = {"objects": count, "seconds": round(taken, 1), "peak_mb": peak // 1024, "before_mb": before // 1024}
        sys.stdout.write(json.dumps(told | {f"{name}_mb": round(size / 1e6, 1) for name, size in files.items()}) + "\n")


def _platform(folder: Path, count: int) -> FakePlatform:
    platform, artifacts = a_platform({}), DiskArtifacts(folder)
    model = a_model(platform, labels=LABELS)
    now = "2026-01-01T00:00:00.000Z"
    job = BatchJob("batch-x", PROJECT, model.id, model.scenario, "SUMMARISING", now, now, "ml.c5.large", summary="both")
    platform.batch_jobs.put(job)
    with artifacts.path(batch_prefix(job.id, 1) + "inputs.jsonl").open("w") as out:
        for number in range(count):
            out.write(json.dumps({"key": f"{PROJECT}/inbox/{number:07d}.jpg", "size_bytes": 20_000, "label": LABELS[number % 100]}) + "\n")
    platform.artifacts, platform.lines = artifacts, DiskLines(artifacts)  # type: ignore[assignment]
    return platform


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        _one(options.one)
        return
    print("| objects | seconds | peak memory, MB | before it began, MB | CSV, MB | Parquet, MB |\n|---|---|---|---|---|---|")
    for count in options.counts:
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.summarising", "--one", str(count)], check=True, capture_output=True, text=True
        )
        told = json.loads(run.stdout)
        print("| " + " | ".join(str(told[name]) for name in ("objects", "seconds", "peak_mb", "before_mb", "csv_mb", "parquet_mb")) + " |")


if __name__ == "__main__":
    main()
