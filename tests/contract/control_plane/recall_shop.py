"""A project with models of tables, and their services, on fakes."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.domain.dataset import Dataset
from chalicelib.domain.example import Example, Replacement, contribution
from chalicelib.domain.project import Project
from chalicelib.service.loading_tables import load_tables
from chalicelib.service.services import ServiceOrder, create_service
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.model import ModelFile, ModelManifest
from droplearn.contracts.recommendation import file_of
from droplearn.contracts.s3_layout import best_model_manifest_key, checkpoints_prefix
from tests.contract.control_plane.http_front import CONTEXT, event_of
from tests.unit.control_plane.things import a_model

SHOP, MODEL = "shop", "model-" + "1" * 26
EXPIRES = 1_800_000_000
TABLES = {
    "user_item": [{"user_id": f"u{n}", "item_ids": f"i{n},i{n + 1}"} for n in range(3)],
    "item_item": [{"item_id": f"i{n}", "similar_item_ids": f"i{n + 2}:0.5,i{n + 3}:0.25"} for n in range(5)],
    "user_recommended": [{"user_id": "u0", "item_ids": "i7:0.9,i8:0.8,i1:0.1"}],
    "user_topic": [{"user_id": "u0", "topics": "sea:1"}, {"user_id": "u9", "topics": "sea:1"}],
    "topic_item": [{"topic": "sea", "item_ids": "i5:2,i6:1"}],
    "popular": [{"item_id": f"i{n}", "weight": f"{9 - n}"} for n in range(9)],
}


def open_shop(platform: Any) -> None:
    """A project with a model of tables."""
    platform.projects.add(Project(name=SHOP, scenario="recommendation", created_at="t"))
    platform.datasets.add(Dataset(project=SHOP, name="own", created_at="t"))
    put_model(platform, TABLES)


def put_model(platform: Any, tables: dict[str, list[dict[str, str]]], model: str = MODEL, **told: Any) -> str:
    task = model.replace("model", "task")
    a_model(platform, id=model, project=SHOP, task=task, scenario="recommendation", labels=[])
    files = []
    for table, rows in tables.items():
        body = "".join(json.dumps(row) + "\n" for row in rows).encode()
        platform.artifacts.write(f"{checkpoints_prefix(task)}best/{file_of(table)}", body)
        files.append(ModelFile(name=file_of(table), role="table", size_bytes=len(body), sha256="0"))
    manifest = ModelManifest(
        model_id="m", task_id=task, scenario="recommendation", preset="high_performance", dataset_version="v", code_version="1",
        created_at="t", labels=[], inputs=[], outputs=[], files=files, metrics={}, metrics_protocol="validation",
        stop_reason="converged", is_final=True, preprocessing=told,
    )  # fmt: skip
    platform.artifacts.write(best_model_manifest_key(task), manifest.to_json().encode())
    return model


def drop_own(platform: Any, path: str, body: str) -> dict[str, str]:
    platform.lines.dropped[f"{SHOP}/own/{path}"] = body.encode()
    example = Example(path, ExampleStatus.LABELLED, "1", "e", len(body))
    platform.examples.write(SHOP, "own", [Replacement(None, example)], contribution(example), platform.now())
    return {"dataset": "own", "path": path}


def deployed(platform: Any, status: str = "STARTING") -> str:
    service = create_service(platform, ServiceOrder(project=SHOP, model=MODEL)).service
    platform.services.change(service.id, {"status": status})
    return service.id


def loaded(platform: Any) -> str:
    service_id = deployed(platform)
    assert load_tables(platform, service_id, EXPIRES, None, lambda: True).cursor is None
    platform.services.change(service_id, {"status": "RUNNING"})
    return service_id


def asked(token: str, service_id: str, body: Any, query: str = "") -> Any:
    """The reply of the Lambda `predict`."""
    from chalicelib.api.predict import handle

    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": token, "content-type": "application/json"}
    event = event_of("POST", f"/v1/services/{service_id}/predict", query, headers, raw)
    return handle(event | {"pathParameters": {"service_id": service_id}}, CONTEXT)


def items(reply: tuple[int, Any]) -> list[tuple[str, str]]:
    return [(item["item_id"], item["retrieve_id"]) for item in reply[1]["items"]]
