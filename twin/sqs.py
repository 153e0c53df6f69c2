"""SQS queues that stay quick with a backlog. moto walks and copies the whole queue on each receive and each delete: quadratic.

Messages are kept by id in order of arrival, and found by receipt handle. What a caller sees is what moto gives.
"""

import copy
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moto.core.utils import camelcase_to_underscores, unix_time_millis
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes

_LONGEST_SLEEP_S = 0.2


class Messages:
    """Stands in for the list `Queue._messages`: ordered, with removal and look-up by receipt handle in constant time."""

    def __init__(self, messages: Iterable[Message] = ()):
        self._by_id: dict[str, Message] = {}
        self._id_of_handle: dict[str, str] = {}
        for message in messages:
            self.append(message)

    def append(self, message: Message) -> None:
        """Add at the end."""
        self._by_id[message.id] = message
        for handle in message.all_receipt_handles:
            self.remember_handle(message, handle)

    def remember_handle(self, message: Message, handle: str | None) -> None:
        """Let `with_handle` find the message by a (new) receipt handle."""
        if handle:
            self._id_of_handle[handle] = message.id

    def with_handle(self, handle: str) -> Message | None:
        """The message that was ever received with this handle."""
        return self._by_id.get(self._id_of_handle.get(handle, ""))

    def remove(self, message: Message) -> None:
        """Forget the message and its handles."""
        self._by_id.pop(message.id, None)
        for handle in message.all_receipt_handles:
            self._id_of_handle.pop(handle or "", None)

    def __iter__(self) -> Iterator[Message]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)


class Attributes(Mapping[str, Any]):
    """A queue's attributes, each computed when it is read: moto counts all messages for each one that is sent."""

    def __init__(self, queue: Any):
        self._queue = queue
        self._names = list(queue.BASE_ATTRIBUTES)
        self._names += queue.FIFO_ATTRIBUTES if queue.fifo_queue else []
        self._names += queue.KMS_ATTRIBUTES if queue.kms_master_key_id else []

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        value = getattr(self._queue, camelcase_to_underscores(name))
        if name == "RedrivePolicy" and value:
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def install() -> None:
    """Replace the parts of moto's queue that are quadratic, and what makes SetQueueAttributes forget the policy."""
    Queue._messages = property(
        lambda queue: queue.__dict__["_message_store"],
        lambda queue, messages: queue.__dict__.__setitem__("_message_store", Messages(messages)),
    )
    Queue.attributes = property(Attributes)
    Queue.delete_message = _delete_message
    SQSBackend.receive_message = _receive_message
    _keep_policy_on_set_attributes()


def _keep_policy_on_set_attributes() -> None:
    set_attributes = Queue._set_attributes

    def keep_policy(queue: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        before = queue.__dict__.get("_policy_json")
        set_attributes(queue, attributes, now)
        if before is not None and "Policy" not in attributes:
            queue._policy_json = before

    Queue._set_attributes = keep_policy


def _delete_message(queue: Any, receipt_handle: str) -> None:
    if receipt_handle in queue.deleted_messages:
        return
    with queue._messages_lock:
        message = queue._messages.with_handle(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid()
        queue._messages.remove(message)
        queue.pending_messages.discard(message)
        queue.deleted_messages.add(receipt_handle)


def _receive_message(
    backend: Any,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    visibility_timeout: int,
    message_attribute_names: list[str] | None = None,
) -> list[Message]:
    received = receive(backend.get_queue(queue_name), count, float(wait_seconds_timeout or 0), visibility_timeout)
    copies = [copy.copy(message) for message in received]
    for message in copies:
        _filter_message_attributes(message, message_attribute_names or [])
    return copies


def receive(queue: Any, count: int, wait_s: float, visibility_timeout_s: int, stop: threading.Event | None = None) -> list[Message]:
    """Up to `count` visible messages, in order; waits up to `wait_s` for the first one. `count` may be above SQS's ten."""
    deadline = time.monotonic() + wait_s
    with queue._messages_lock:
        while True:
            received = _take_visible(queue, count, visibility_timeout_s)
            left = deadline - time.monotonic()
            if received or left <= 0 or (stop is not None and stop.is_set()):
                return received
            queue._messages_lock.wait(min(left, _LONGEST_SLEEP_S))


def _take_visible(queue: Any, count: int, visibility_timeout_s: int) -> list[Message]:
    now = unix_time_millis()
    oldest = now - int(queue.message_retention_period) * 1000
    busy_groups = {m.group_id for m in queue.pending_messages if m.visible_at >= now} if queue.fifo_queue else set()
    received: list[Message] = []
    for message in queue._messages:
        if len(received) >= count:
            break
        if message.visible_at >= now or message.delayed_until > now:
            continue
        if message.sent_timestamp < oldest:
            queue._messages.remove(message)
        elif queue.fifo_queue and message.group_id in busy_groups:
            continue
        elif _is_exhausted(queue, message):
            _move_to_dead_letters(queue, message)
        else:
            _mark_received(queue, message, visibility_timeout_s)
            received.append(message)
    return received


def _mark_received(queue: Any, message: Message, visibility_timeout_s: int) -> None:
    message.mark_received(visibility_timeout=visibility_timeout_s)
    queue._messages.remember_handle(message, message.receipt_handle)
    queue.pending_messages.add(message)


def _is_exhausted(queue: Any, message: Message) -> bool:
    limit = queue.redrive_policy["maxReceiveCount"] if queue.dead_letter_queue is not None and queue.redrive_policy else None
    return limit is not None and message.approximate_receive_count >= limit


def _move_to_dead_letters(queue: Any, message: Message) -> None:
    queue._messages.remove(message)
    queue.pending_messages.discard(message)
    message.visible_at = 0.0
    queue.dead_letter_queue.add_message(message)
