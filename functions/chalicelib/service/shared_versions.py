"""Versions that share an endpoint's servers: what the servers find in their model folder, and the calls that give it to them.

Each configuration of the endpoint has a prefix of its own, which is never changed: the old servers may start anew while the new ones start,
and a canary is taken back to it. A lifecycle rule forgets them when no service can be left that uses them.
"""

from __future__ import annotations

from typing import Any

from chalicelib.domain.hosting import production_variant
from chalicelib.domain.optimisation import archive_of
from chalicelib.domain.service import SHARED_VARIANT, Service
from chalicelib.domain.service_version import CHECKS, ServiceUpdate, ServiceVersion
from chalicelib.ports import Platform
from chalicelib.service.finding import find_model
from chalicelib.service.hosting import vpc_config
from droplearn.contracts.s3_layout import shared_models_prefix
from droplearn.contracts.versions import ARCHIVE_FILE, VERSIONS_FILE, SharedVersion, SharedVersions
from droplearn.scenarios import scenario_named

SUMMARY_S = 60
"""How often servers say what each version has answered; oftener while a canary is watched."""


def lay_out(platform: Platform, service: Service, config: str, shares: dict[ServiceVersion, float]) -> str:
    """Archives beside each other, copied within the bucket, and versions.json last. The prefix. Twice is as good as once."""
    prefix = shared_models_prefix(service.id, config)
    for version in shares:
        model = find_model(platform, version.model)
        archive = archive_of(model.artifact_uri, model.optimisation, version.variant) or model.artifact_uri
        platform.artifacts.copy(archive, f"{prefix}{version.name}/{ARCHIVE_FILE}")
    told = SharedVersions(versions=[SharedVersion(name=v.name, folder=v.name, weight=share) for v, share in shares.items()])
    platform.artifacts.write(prefix + VERSIONS_FILE, told.to_json().encode())
    return platform.artifacts.uri(prefix)


def shared_plan(
    platform: Platform, service: Service, update: ServiceUpdate, config: str, prefix: str, needed: str, count: int
) -> dict[str, Any]:
    """For CreateModel and CreateEndpointConfig. `needed`: without this version the new servers do not start, and the old ones stay."""
    watched_s = (update.what.get("canary") or {}).get("duration_s", SUMMARY_S * CHECKS)
    is_in_vpc = service.network == "vpc"
    return {
        "next": "create_shared_in_vpc" if is_in_vpc else "create_shared",
        "vpc": vpc_config(platform) if is_in_vpc else {},
        "model_name": config,
        "model_prefix": prefix,
        "image_suffix": scenario_named(service.scenario).spec.image_suffix,
        "version": needed,
        "summary_s": str(max(1, min(SUMMARY_S, watched_s // CHECKS))),
        "variants": [production_variant(SHARED_VARIANT, config, 1.0, service.instance_type, count, None)],
    }
