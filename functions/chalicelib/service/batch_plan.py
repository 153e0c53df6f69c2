"""Step PlanBatch: which objects are answered about, cut into the manifests of transform jobs. The user's bucket is read in place.

What an earlier attempt has answered, and what has not changed since, is not sent again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import urlencode

from chalicelib.domain.batch_job import MAX_OBJECTS, BatchJob
from chalicelib.domain.indexing import is_file_path
from chalicelib.domain.times import text_of
from chalicelib.domain.transform import MIB, Load, chunk_size, chunks, is_too_large, load_for
from chalicelib.ports import Platform
from chalicelib.service.finding import find_batch_job, find_model
from chalicelib.service.freezing import manifest_lines
from chalicelib.service.variants import check_variant
from droplearn.contracts.batch import BatchInput, BatchPlan, Chunk
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.s3_layout import batch_prefix, dataset_prefix, result_key, results_prefix, s3_uri
from droplearn.contracts.status import BatchStatus
from droplearn.scenarios import scenario_named

INPUTS, PLAN = "inputs.jsonl", "plan.json"
REQUEST_TIMEOUT_S = 600
"""A table of many rows takes its time. SageMaker allows an hour. Source: API Reference, ModelClientConfig."""
_INPUT = (ExampleStatus.LABELLED, ExampleStatus.UNLABELLED)


class Candidate(NamedTuple):
    """An object below the prefix; `reason` why it is no input."""

    given: BatchInput
    changed_at: str
    reason: str | None


class _Listed(NamedTuple):
    input_count: int
    largest_bytes: int
    skipped: dict[str, int]
    pending_count: int


def plan_batch(platform: Platform, batch_id: str, attempt: int) -> dict[str, Any]:
    """Raises InvalidDataset (`batch.no_input`, `batch.too_many_objects`), Conflict (`variant.not_published`)."""
    job = find_batch_job(platform, batch_id)
    prefix = batch_prefix(batch_id, attempt)
    with _temporary() as inputs, _temporary() as pending:
        listed = _list(platform, job, inputs, pending)
        platform.artifacts.upload(prefix + INPUTS, _from_start(inputs))
        size = chunk_size(listed.pending_count, job.objects_per_transform)
        keys = (json.loads(line) for line in _from_start(pending))
        made = [_write_manifest(platform, prefix, number, part) for number, part in enumerate(chunks(keys, size), 1)]
    answered = listed.input_count - listed.pending_count
    plan = BatchPlan(batch_id=batch_id, attempt=attempt, input_count=listed.input_count, answered_count=answered, chunks=made)
    platform.artifacts.write(prefix + PLAN, plan.to_json().encode())
    now = platform.now()
    found = {"input_count": listed.input_count, "done_count": answered, "skipped_counts": listed.skipped, "started_at": text_of(now)}
    platform.batch_jobs.change(batch_id, found, only_if={"status": [BatchStatus.PREPARING.value], "attempt": [attempt]})
    ends_at = int(now.timestamp()) + job.max_runtime_s
    return _orders(platform, job, load_for(listed.largest_bytes)) | {
        "chunk_count": len(made),
        "work": work_of(platform, job, 1, 1, ends_at) if made else None,
    }


def work_of(platform: Platform, job: BatchJob, chunk: int, try_number: int, ends_at: int) -> dict[str, Any]:
    """What one transform job is given. `ends_at`: when the batch job's time is over, seconds since 1970."""
    return {
        "chunk": chunk,
        "try": try_number,
        "job": f"{job.execution_name}-c{chunk}-t{try_number}",
        "manifest_uri": platform.artifacts.uri(_manifest_key(batch_prefix(job.id, job.attempt), chunk)),
        "ends_at": ends_at,
        "timeout_s": max(1, ends_at - int(platform.now().timestamp())),
    }


def _orders(platform: Platform, job: BatchJob, load: Load) -> dict[str, Any]:
    """The same for all its transform jobs."""
    most_bytes = str(load.max_payload_mb * MIB)
    return {
        "model_uri": check_variant(find_model(platform, job.model), job.variant),
        "image_suffix": scenario_named(job.scenario).spec.image_suffix,
        "instance_type": job.instance_type,
        "instance_count": job.instance_count,
        "output_uri": platform.artifacts.uri(results_prefix(job.id)).rstrip("/"),
        "max_payload_mb": load.max_payload_mb,
        "max_concurrent": load.max_concurrent,
        "request_timeout_s": REQUEST_TIMEOUT_S,
        "environment": {
            "SERVER_OPTIONS": urlencode(job.options),
            "SERVER_MAX_RAW_BYTES": most_bytes,
            "SERVER_REQUEST_TIMEOUT_S": str(REQUEST_TIMEOUT_S),
        },
    }


def _list(platform: Platform, job: BatchJob, inputs: BinaryIO, pending: BinaryIO) -> _Listed:
    answered = _answered(platform, job) if job.attempt > 1 else {}
    count = largest = pending_count = 0
    skipped: Counter[str] = Counter()
    for given, changed_at, reason in candidates(platform, job):
        if reason is not None:
            skipped[reason] += 1
            continue
        count, largest = count + 1, max(largest, given.size_bytes)
        if count > MAX_OBJECTS:
            raise InvalidDataset("batch.too_many_objects", f"More than {MAX_OBJECTS:,} objects.", hint="Divide them by prefix.")
        inputs.write(given.model_dump_json(exclude_none=True).encode() + b"\n")
        if answered.get(result_key(job.id, given.key), "") < max(changed_at, "0"):
            pending_count += 1
            pending.write(json.dumps(given.key).encode() + b"\n")
    if count == 0:
        told = ", ".join(f"{reason} {n}" for reason, n in sorted(skipped.items())) or "there is nothing"
        raise InvalidDataset("batch.no_input", f"Nothing here can be answered about ({told}).", hint="Check the prefix and the model.")
    return _Listed(count, largest, dict(skipped), pending_count)


def _answered(platform: Platform, job: BatchJob) -> dict[str, str]:
    """Result key -> when it was written."""
    return {found.key: found.changed_at for found in platform.artifacts.listed(results_prefix(job.id)) if found.key.endswith(".out")}


def candidates(platform: Platform, job: BatchJob) -> Iterator[Candidate]:
    """Every object that the batch job names, with what it is to the scenario."""
    found = _of_dataset(platform, job, job.dataset) if job.dataset is not None else _of_prefix(platform, job, str(job.prefix))
    for candidate in found:
        is_unfit = candidate.reason is None and is_too_large(candidate.given.size_bytes)
        yield candidate._replace(reason="too_large_for_batch") if is_unfit else candidate


def _of_dataset(platform: Platform, job: BatchJob, dataset: str) -> Iterator[Candidate]:
    for example in platform.examples.read_all(job.project, dataset):
        reason = None if example.status in _INPUT else example.reason or example.status.value
        given = BatchInput(key=dataset_prefix(job.project, dataset) + example.path, size_bytes=example.size_bytes, label=example.label)
        yield Candidate(given, example.changed_at, reason)


def _of_prefix(platform: Platform, job: BatchJob, prefix: str) -> Iterator[Candidate]:
    """Folders mean nothing here: no label is taken from them."""
    recognise = scenario_named(job.scenario).recognise
    for found in platform.dropped.listed(prefix):
        path = found.key.split("/", 2)[-1]
        seen = recognise(path, found.size_bytes)
        reason = None if seen.status in _INPUT else seen.reason or seen.status.value
        if not is_file_path(found.key):
            reason = "bad_path"
        yield Candidate(BatchInput(key=found.key, size_bytes=found.size_bytes), found.changed_at, reason)


def _manifest_key(prefix: str, chunk: int) -> str:
    return f"{prefix}manifests/{chunk}.json"


def _write_manifest(platform: Platform, prefix: str, number: int, keys: list[str]) -> Chunk:
    """Whole keys below the bucket itself: an output's key then is the same, whichever part of the input's key SageMaker keeps."""
    body = "".join(manifest_lines(s3_uri(platform.examples.data_bucket, ""), keys))
    platform.artifacts.write(_manifest_key(prefix, number), body.encode())
    return Chunk(first_key=keys[0], last_key=keys[-1], count=len(keys))


def _temporary() -> BinaryIO:
    """On disk: a million lines do not stand in memory."""
    return cast(BinaryIO, TemporaryFile())


def _from_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file
