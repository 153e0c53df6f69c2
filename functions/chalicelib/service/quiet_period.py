"""A dataset with a `train:` section starts a task once nothing was dropped for a while. No polling: one delayed message is under way.

The message carries a token; only the message whose token the dataset remembers counts, so that duplicates die out. Whoever sends a message
sends first and remembers then: a crash in between leaves a message that nobody waits for, never a dataset that waits for no message.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime
from math import ceil

from chalicelib.domain.dataset import Dataset, DatasetCounts
from chalicelib.domain.times import moment_of
from chalicelib.ports import Platform, QuietMessage
from chalicelib.service.dataset_config import train_section
from chalicelib.service.tasks import TaskOrder, create_task
from droplearn.contracts.dataset_config import TrainSection
from droplearn.contracts.errors import BudgetExceeded, Conflict, UserError
from droplearn.contracts.s3_layout import CONFIG_FILE

GRACE_S = 900
"""A message that is this late counts as lost (its Lambda failed for good), and the next drop may send another."""
MAX_DELAY_S = 900
"""Source: Amazon SQS Developer Guide, delay queues."""


def arm(platform: Platform, key: str, delay_s: int | None = None) -> None:
    """After a drop: see to it that a message is under way. Reads the dataset anew: one may have come in while the batch was written."""
    dataset = platform.datasets.get(key)
    section = train_section(dataset) if dataset else None
    now = int(platform.now().timestamp())
    if dataset is None or section is None or (dataset.quiet_token and (dataset.quiet_until or 0) > now):
        return
    delay_s = min(section.quiet_period_s if delay_s is None else delay_s, MAX_DELAY_S)
    token = secrets.token_hex(8)
    platform.quiet_timer.send(QuietMessage(dataset.project, dataset.name, token), delay_s)
    armed = {"quiet_token": token, "quiet_until": now + delay_s + GRACE_S}
    platform.datasets.change(key, armed, only_if={"quiet_token": [dataset.quiet_token]})


def check_quiet(platform: Platform, message: QuietMessage) -> str | None:
    """Returns the id of the task that it started, if any. Safe to be called again with the same message."""
    key = f"{message.project}/{message.dataset}"
    dataset = platform.datasets.get(key)
    if dataset is None or dataset.quiet_token not in (None, message.token):
        return None
    disarmed = platform.datasets.change(
        key, {"quiet_token": None, "quiet_until": None}, only_if={"quiet_token": [dataset.quiet_token]}
    )  # before the counters are read: a drop that comes later arms anew
    section = train_section(disarmed) if disarmed else None
    if disarmed is None or section is None:
        return None
    counts = platform.examples.counts(message.project, message.dataset)
    if (remaining_s := _remaining_s(counts, section, platform.now())) > 0:
        arm(platform, key, remaining_s)
        return None
    return _start(platform, disarmed, section, counts)


def _remaining_s(counts: DatasetCounts, section: TrainSection, now: datetime) -> int:
    """Seconds until the dataset has been quiet long enough; at most 0: it has."""
    if counts.last_event_at is None:
        return 0
    silent_s = (now - moment_of(counts.last_event_at)).total_seconds()
    return ceil(section.quiet_period_s - silent_s)


def digest(counts: DatasetCounts, section: TrainSection) -> str:
    """Of all that the task would learn from and how: the same again is not worth a task."""
    told = json.dumps([counts.content, section.model_dump(mode="json", exclude={"quiet_period_s"})], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _start(platform: Platform, dataset: Dataset, section: TrainSection, counts: DatasetCounts) -> str | None:
    """Once for the same data and settings, also when the message comes again: the digest is the request's key."""
    wanted = digest(counts, section)
    if not counts.is_trainable or dataset.config_started_digest == wanted:
        return None
    order = TaskOrder(
        project=dataset.project,
        dataset=dataset.name,
        settings=section.settings(),
        is_deployed_when_done=section.deploy,
        request_key=f"{dataset.name}:{wanted}",
        caller=CONFIG_FILE,
    )
    known: str | None = wanted
    try:
        started, problem = create_task(platform, order).id, None
    except Conflict as error:
        if error.code == "project.being_deleted":
            return None
        raise  # the same request is under way: it is looked at again when the message comes again
    except UserError as error:
        started, problem = None, {"message": error.message, "hint": error.hint}
        if isinstance(error, BudgetExceeded):
            known = dataset.config_started_digest  # a higher budget may cover the same data: the next drop asks again
    changes = {"config_started_digest": known, "config_start_problem": problem}
    platform.datasets.change(dataset.key, changes | ({"config_started_task": started} if started else {}))
    return started
