"""A model's preview: the link that opens it, and what the page behind the link is given. The page itself: preview_page/."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from chalicelib.domain.model import Model
from chalicelib.domain.preview_link import PreviewLink, check, parse, previews_of, signed, unknown
from chalicelib.domain.records import Page
from chalicelib.domain.times import text_of
from chalicelib.domain.token import hash_of, new_secret
from chalicelib.ports import Platform
from chalicelib.service.finding import find, find_model
from chalicelib.service.model_claims import claim_model, release_model
from chalicelib.service.model_files import key_of, only_network, read_manifest
from droplearn.contracts.errors import UnsupportedScenario
from droplearn.contracts.ids import new_id
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.s3_layout import browser_runtime_key
from droplearn.scenarios import scenario_named

FETCH_S = 900
"""How long a browser may take to begin with one of the large files."""
NETWORK, RUNTIME = "network.onnx", "onnxruntime.wasm"
LARGE_FILES = (NETWORK, RUNTIME)
"""More than a Lambda may answer with: the browser gets them from S3."""


class Made(NamedTuple):
    """A new link, and the text that stands in its URL."""

    link: PreviewLink
    signed: str


def create_link(platform: Platform, model_id: str, valid_for_s: int, created_by: str) -> Made:
    """Raises NotFound (`model.unknown`, `model.deleted`, `model.gone`), UnsupportedScenario (`preview.not_for_this_scenario`), Conflict
    (`model.being_deleted`), TransientError (`model.busy`).
    """
    model = find_model(platform, model_id)
    scenario = scenario_named(model.scenario)
    if scenario.spec.preview is None or only_network(read_manifest(platform, model)) is None:
        raise UnsupportedScenario(
            "preview.not_for_this_scenario",
            f"A model of {scenario.spec.title.lower()} cannot run in a browser by itself.",
            hint="Deploy it as a service, and send it requests.",
        )
    now, secret = platform.now(), new_secret()
    ends = now + timedelta(seconds=valid_for_s)
    link = PreviewLink(
        id=new_id("preview"),
        secret_sha256=hash_of(secret),
        model=model.id,
        project=model.project,
        created_at=text_of(now),
        valid_until=text_of(ends),
        expires_at=int(ends.timestamp()),
        created_by=created_by,
    )
    claim_model(platform, model.id, link.id)
    platform.preview_links.add(link)
    return Made(link, signed(link.id, secret))


def find_link(platform: Platform, link_id: str) -> PreviewLink:
    """For who made it. Raises NotFound (`preview.unknown`)."""
    return find(platform.preview_links, link_id, "preview")


def links_of(platform: Platform, model: Model, limit: int, cursor: str | None) -> Page[PreviewLink]:
    """Newest first; those that still open: what has expired may take days to be forgotten. Raises InvalidRequest (`cursor.invalid`)."""
    page = platform.preview_links.page(previews_of(model.id), limit, cursor, is_newest_first=True)
    now = text_of(platform.now())
    return Page([link for link in page.items if link.valid_until > now], page.cursor)


def revoke_link(platform: Platform, link: PreviewLink) -> None:
    """What has been loaded stays with who has loaded it."""
    platform.preview_links.remove(link.id)
    release_model(platform, link.model, link.id)


def open_link(platform: Platform, text: str) -> Model:
    """The model that the link is for. Raises NotFound (`preview.unknown`)."""
    link_id, secret = parse(text)
    link = check(platform.preview_links.get(link_id), secret, text_of(platform.now()))
    model = platform.models.get(link.model)
    if model is None or model.deleting_since:
        raise unknown()
    return model


def url_of(platform: Platform, model: Model, file: str) -> str:
    """Of one of the large files, on S3. Raises NotFound (`model.gone`)."""
    if file == RUNTIME:
        return platform.links.to_artifact(browser_runtime_key(RUNTIME), FETCH_S)
    network = only_network(read_manifest(platform, model))
    assert network is not None  # noqa: S101 (create_link has looked)
    return platform.links.to_artifact(key_of(model, network), FETCH_S)


def told(platform: Platform, model: Model) -> dict[str, Any]:
    """All that the page knows of the model. Raises NotFound (`model.gone`)."""
    manifest, spec = read_manifest(platform, model), scenario_named(model.scenario).spec
    network = only_network(manifest)
    assert network is not None  # noqa: S101 (create_link has looked)
    return {
        "name": f"{model.project} #{model.number}",
        "model": model.id,
        "scenario": spec.title,
        "created_at": model.created_at,
        "metrics": _shown_metrics(model, spec.metrics),
        "labels": manifest.labels,
        "kind": spec.preview,
        "input": {"name": manifest.inputs[0].name, "side": manifest.inputs[0].shape[1]},
        "outputs": [output.name for output in manifest.outputs],
        "preprocessing": _plain(manifest),
        "network": {"size_bytes": network.size_bytes, "sha256": network.sha256},
    }


def _shown_metrics(model: Model, names: list[str]) -> dict[str, float]:
    """Of its evaluation, else of its training, in the scenario's order."""
    if model.evaluation_metrics:
        return {name: model.evaluation_metrics[name] for name in names if name in model.evaluation_metrics}
    return {f"valid_{name}": model.metrics[f"valid_{name}"] for name in names if f"valid_{name}" in model.metrics}


def _plain(manifest: ModelManifest) -> dict[str, Any]:
    return {name: value for name, value in manifest.preprocessing.items() if isinstance(value, int | float | str)}
