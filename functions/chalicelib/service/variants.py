"""A model as it was trained, or what optimisation made of it."""

from __future__ import annotations

from chalicelib.domain.model import Model
from chalicelib.domain.optimisation import archive_of
from droplearn.contracts.errors import Conflict


def check_variant(model: Model, variant: str) -> str:
    """Where its files lie. Raises Conflict (`variant.not_published`)."""
    archive = archive_of(model.artifact_uri, model.optimisation, variant)
    if archive is not None:
        return archive
    told = {v["name"]: v["reason"] for v in (model.optimisation or {}).get("variants", [])}
    raise Conflict(
        "variant.not_published",
        f"Model {model.id} has no variant {variant}. {told.get(variant, '')}".strip(),
        hint="Use fp32, the model as it was trained, or train with `optimise`.",
    )
