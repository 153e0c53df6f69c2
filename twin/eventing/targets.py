"""Delivery of events to Lambda, Step Functions and SQS, with the target's input shaped as EventBridge does."""

import copy
import json
import logging
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.utils import get_backend as lambda_backend
from moto.events.models import Rule
from moto.events.utils import EventTemplateParser
from moto.sqs.models import sqs_backends
from moto.stepfunctions.responses import get_backend as stepfunctions_backend

log = logging.getLogger("twin.eventing")
SERVICES = ("lambda", "states", "sqs")


def deliver(arn: str, payload: Any, account: str, region: str, message_group: str | None = None) -> None:
    """Hand the payload to a function (asynchronously), a state machine or a queue."""
    service = arn.split(":")[2]
    text = json.dumps(payload)
    if service == "lambda":
        lambda_backend(account, region).get_function(arn, None).invoke(text, {}, {})
    elif service == "states":
        stepfunctions_backend(account, region).start_execution(arn, str(uuid.uuid4()), text)
    elif service == "sqs":
        sqs_backends[account][region].send_message(arn.rsplit(":", 1)[-1], text, group_id=message_group)
    else:
        raise NotImplementedError(f"the twin does not deliver to {arn}")


def shape_input(target: dict[str, Any], event: dict[str, Any]) -> Any:
    """The target's input: the event, a constant, a part of the event, or a transformation."""
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        node: Any = event
        for part in target["InputPath"].lstrip("$").strip(".").split("."):
            node = node[part] if part else node
        return node
    if transformer := target.get("InputTransformer"):
        return EventTemplateParser.parse(
            input_template=transformer["InputTemplate"],
            input_paths_map=transformer.get("InputPathsMap", {}),
            event=event,
        )
    return event


def install() -> None:
    """Let rules reach these targets. Deliveries run apart from the request that put the event, as in AWS."""

    def send_to_targets(rule: Any, original: dict[str, Any], transform_input: bool = True) -> None:  # noqa: ARG001  (moto's signature)
        if rule.state != "ENABLED" or not rule.event_pattern.matches_event(original):
            return
        event = copy.deepcopy(original)
        event["id"] = str(uuid.uuid4())
        if isinstance(event.get("time"), int | float):  # moto leaves seconds
            event["time"] = datetime.fromtimestamp(event["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        threading.Thread(target=_deliver_to_all, args=(rule, event), daemon=True).start()

    Rule.send_to_targets = send_to_targets


def _deliver_to_all(rule: Any, event: dict[str, Any]) -> None:
    for target in list(rule.targets):
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        try:
            deliver(target["Arn"], shape_input(target, event), rule.account_id, rule.region_name, group)
        except Exception:
            log.exception("rule %s cannot deliver to %s", rule.name, target["Arn"])
