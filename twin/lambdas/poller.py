"""SQS event sources: one poller for each mapping, with real batches, batching windows, partial failures and redrive.

moto invokes inline in SendMessage, one record at a time, and either deletes all or nothing.
"""

import concurrent.futures
import logging
import threading
import time
from typing import Any

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import Message, sqs_backends

from twin.lambdas.runtime import Runtime, TooManyRequests
from twin.sqs import receive

log = logging.getLogger("twin.poller")
_DEFAULT_CONCURRENCY = 2  # of one machine; AWS starts with 5 and grows
_BATCH_LIMIT_BYTES = 5 * 1024 * 1024  # Lambda's 6 MB limit on the request, less the records' other fields


def install(runtime: Runtime, stop: threading.Event) -> None:
    """Start a poller for each mapping that is made from now on."""
    create = LambdaBackend.create_event_source_mapping

    def create_event_source_mapping(backend: Any, spec: dict[str, Any]) -> Any:
        mapping = create(backend, spec)
        if ":sqs:" in mapping.event_source_arn:
            queue = sqs_backends[backend.account_id][backend.region_name].get_queue(_queue_name(mapping))
            queue.lambda_event_source_mappings.pop(mapping.function_arn, None)  # moto's inline way
            _Poller(backend, mapping, runtime, stop).start()
        return mapping

    LambdaBackend.create_event_source_mapping = create_event_source_mapping


def resume(runtime: Runtime, stop: threading.Event) -> None:
    """Start the pollers of the mappings that a snapshot brought back."""
    for regions in list(lambda_backends.values()):
        for backend in list(regions.values()):
            for mapping in list(backend._event_source_mappings.values()):
                if ":sqs:" in mapping.event_source_arn:
                    _Poller(backend, mapping, runtime, stop).start()


def _queue_name(mapping: Any) -> str:
    return mapping.event_source_arn.rsplit(":", 1)[-1]


class _Poller(threading.Thread):
    """Receives batches and hands each to the function; at most `MaximumConcurrency` at a time."""

    def __init__(self, backend: Any, mapping: Any, runtime: Runtime, stop: threading.Event):
        super().__init__(daemon=True, name=f"poller-{_queue_name(mapping)}")
        self._backend, self._mapping, self._runtime, self._ending = backend, mapping, runtime, stop
        self._sqs = sqs_backends[backend.account_id][backend.region_name]
        self._pool = concurrent.futures.ThreadPoolExecutor(32, f"{self.name}-batch")
        self._running = 0
        self._slot_free = threading.Condition()

    def run(self) -> None:
        while not self._ending.is_set() and self._mapping.uuid in self._backend._event_source_mappings:
            try:
                if not self._mapping.enabled or not self._wait_for_slot():
                    self._ending.wait(0.1)
                    continue
                if batch := self._collect():
                    self._submit(batch)
            except QueueDoesNotExist:
                return
            except Exception:
                log.exception("%s", self.name)
                self._ending.wait(0.5)

    def _wait_for_slot(self) -> bool:
        limit = int((self._mapping.scaling_config or {}).get("MaximumConcurrency", _DEFAULT_CONCURRENCY))
        with self._slot_free:
            return self._slot_free.wait_for(lambda: self._running < limit, timeout=0.2)

    def _collect(self) -> list[Message]:
        """A batch: full, or what came within the batching window after the first message."""
        queue = self._sqs.get_queue(_queue_name(self._mapping))
        visible_s, size = int(queue.visibility_timeout), int(self._mapping.batch_size)
        batch = receive(queue, size, 1.0, visible_s, self._ending)
        end = time.monotonic() + int(self._mapping.max_batch_window or 0)
        while batch and len(batch) < size and (left := end - time.monotonic()) > 0 and not self._ending.is_set():
            if sum(len(m.body) for m in batch) > _BATCH_LIMIT_BYTES:
                break
            batch += receive(queue, size - len(batch), left, visible_s, self._ending)
        return self._cut(queue, batch)

    def _cut(self, queue: Any, batch: list[Message]) -> list[Message]:
        """What fits into one invocation; the rest becomes visible again at once, as if it had not been received."""
        total = 0
        fits: list[Message] = []
        for message in batch:
            total += len(message.body.encode()) + 1024
            if fits and total > _BATCH_LIMIT_BYTES:
                message.approximate_receive_count -= 1
                message.visible_at = 0.0
                queue.pending_messages.discard(message)
            else:
                fits.append(message)
        return fits

    def _submit(self, batch: list[Message]) -> None:
        with self._slot_free:
            self._running += 1
        self._pool.submit(self._deliver, batch)

    def _deliver(self, batch: list[Message]) -> None:
        try:
            function = self._backend.get_function(self._mapping.function_arn, None)
            records = [_record(m, self._mapping, self._backend.region_name) for m in batch]
            self._settle(batch, self._run(function, {"Records": records}))
        except Exception:
            log.exception("%s", self.name)
        finally:
            with self._slot_free:
                self._running -= 1
                self._slot_free.notify_all()

    def _run(self, function: Any, event: dict[str, Any]) -> Any:
        while True:
            try:
                return self._runtime.run(function, event)
            except TooManyRequests:
                if self._ending.wait(0.05):
                    raise

    def _settle(self, batch: list[Message], outcome: Any) -> None:
        """Delete what succeeded. What failed stays in flight until its visibility timeout ends, as in AWS."""
        failed = {m.id for m in batch} if outcome.is_error else set()
        if not outcome.is_error and "ReportBatchItemFailures" in (self._mapping.function_response_types or []):
            reported = {f.get("itemIdentifier") for f in (outcome.payload or {}).get("batchItemFailures", [])}
            # Source: AWS Lambda developer guide, "Implementing partial batch responses": a bad identifier fails the whole batch
            failed = reported if reported <= {m.id for m in batch} else {m.id for m in batch}
        for message in batch:
            if message.id not in failed:
                self._sqs.delete_message(_queue_name(self._mapping), message.receipt_handle)


def _record(message: Message, mapping: Any, region: str) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    if message.group_id:
        attributes["MessageGroupId"] = message.group_id
        attributes["MessageDeduplicationId"] = message.deduplication_id or ""
        attributes["SequenceNumber"] = message.sequence_number or ""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": mapping.event_source_arn,
        "awsRegion": region,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "stringValue": value.get("StringValue") or value.get("string_value"),
        "dataType": value.get("DataType") or value.get("data_type"),
        "stringListValues": [],
        "binaryListValues": [],
    }
