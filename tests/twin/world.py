"""A running droplearn as a user sees it: bucket, HTTP API, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from droplearn.client import Client, part
from droplearn.contracts.connection import Connection
from droplearn.contracts.status import EvaluationStatus, ServiceStatus, TaskStatus
from tests.pictures import picture
from twin.identity import load_root_keys

LABELS = ("circle", "square")


class World:
    """Short words for what the tests do again and again."""

    def __init__(self, state: Path) -> None:
        """`state`: the folder of a twin that is ready."""
        self.state = state
        self.connection = connection = Connection.from_json((state / "connection.json").read_text())
        self.root_keys = load_root_keys(state).for_boto3()
        self.client = Client(connection)
        self.call = self.client.call
        self.http = urllib3.PoolManager()

    def aws(self, service: str, **keys: str) -> Any:
        """A boto3 client with the drop role's keys, or others."""
        given = keys or {"aws_access_key_id": self.connection.access_key_id, "aws_secret_access_key": self.connection.secret_access_key}
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        return boto3.client(
            service, endpoint_url=self.connection.aws_endpoint_url, region_name=self.connection.region, config=config, **given
        )

    def hears(self, source: str) -> Callable[[], list[dict[str, Any]]]:
        """From now on: what the account is told by this source, as far as it has come."""
        sqs, events = (self.aws(service, **self.root_keys) for service in ("sqs", "events"))
        url, heard = sqs.create_queue(QueueName=f"heard-from-{source}")["QueueUrl"], []
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name=f"heard-from-{source}", EventPattern=json.dumps({"source": [source]}))
        events.put_targets(Rule=f"heard-from-{source}", Targets=[{"Id": "queue", "Arn": arn}])

        def look() -> list[dict[str, Any]]:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                heard.append(json.loads(message["Body"]))
            return heard

        return look

    # ---- drops -------------------------------------------------------------------------------------------------------
    def put(self, key: str, body: bytes) -> None:
        self.aws("s3").put_object(Bucket=self.connection.data_bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.aws("s3").delete_object(Bucket=self.connection.data_bucket, Key=key)

    def drop(self, project: str, dataset: str, files: dict[str, bytes], count: int | None = None) -> dict[str, Any]:
        """Drops and waits until `count` objects are indexed (default: as many as given)."""
        s3 = self.aws("s3")
        for path, body in files.items():
            s3.put_object(Bucket=self.connection.data_bucket, Key=f"{project}/{dataset}/{path}", Body=body)
        wanted = len(files) if count is None else count
        return self.wait(lambda: self.find_dataset(project, dataset), lambda d: d is not None and d["object_count"] == wanted)

    def find_dataset(self, project: str, dataset: str) -> dict[str, Any] | None:
        status, body = self.ask("GET", f"/v1/projects/{part(project)}/datasets/{part(dataset)}")
        return body if status == 200 else None

    # ---- tasks, evaluations, services --------------------------------------------------------------------------------
    def start_task(self, project: str, dataset: str, **settings: Any) -> str:
        found = self.call("POST", f"/v1/projects/{part(project)}/tasks", {"dataset": dataset, "settings": settings})
        return str(found["id"])

    def task(self, task_id: str) -> dict[str, Any]:
        return self.call("GET", f"/v1/tasks/{task_id}")

    def end_of_task(self, task_id: str, limit_s: float = 240) -> dict[str, Any]:
        return self.wait(lambda: self.task(task_id), lambda t: TaskStatus(t["status"]).is_terminal, limit_s)

    def end_of_evaluation(self, evaluation_id: str, limit_s: float = 180) -> dict[str, Any]:
        look = lambda: self.call("GET", f"/v1/evaluations/{evaluation_id}")  # noqa: E731
        return self.wait(look, lambda e: EvaluationStatus(e["status"]).is_terminal, limit_s)

    def deploy(self, project: str, model: str, **settings: Any) -> dict[str, Any]:
        """The answer to the request (with url and token), once the service runs."""
        made = self.call("POST", f"/v1/projects/{part(project)}/services", {"model": model} | settings)
        self.wait_service(made["id"], ServiceStatus.RUNNING)
        return made

    def wait_service(self, service_id: str, status: ServiceStatus, limit_s: float = 180) -> dict[str, Any]:
        def is_there(found: dict[str, Any]) -> bool:
            state = ServiceStatus(found["status"])
            assert state is status or not state.is_terminal, found
            return state is status

        return self.wait(lambda: self.call("GET", f"/v1/services/{service_id}"), is_there, limit_s)

    # ---- looking ------------------------------------------------------------------------------------------------------
    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, dict[str, Any]]:
        """One request as any HTTP client would make it; `path` may be a whole URL."""
        url = path if path.startswith("http") else self.connection.api_url + path
        headers = {"authorization": f"Bearer {self.connection.admin_token if token is None else token}"}
        reply = (
            self.http.request(method, url, json=body, headers=headers)
            if body is not None
            else self.http.request(method, url, headers=headers)
        )
        return reply.status, reply.json() if reply.data else {}

    def wait(self, look: Callable[[], Any], is_over: Callable[[Any], bool], limit_s: float = 120) -> Any:
        end = time.monotonic() + limit_s
        while not is_over(found := look()):
            assert time.monotonic() < end, f"not within {limit_s} s: {found}"
            time.sleep(0.05)
        return found


def pictures(count: int, labels: tuple[str, ...] = LABELS, first_seed: int = 0) -> dict[str, bytes]:
    """`<label>/<n>.jpg` -> JPEG bytes, `count` of each label."""
    return {f"{label}/{n}.jpg": picture(label, first_seed + n) for label in labels for n in range(count)}
