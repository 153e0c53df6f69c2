"""A deletion whose execution was aborted, from outside or with the twin, goes on in the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.ports import Platform
from chalicelib.service import deleting_models, deleting_projects


def go_on_deleting(platform: Platform, given: Mapping[str, Any]) -> str | None:
    """`given`: the execution's input. What goes on; None: it was no deletion, or one that is over."""
    if model := platform.models.get(given["model_id"]) if "model_id" in given else None:
        if model.deleting_since:
            deleting_models.start_deletion(platform, model.id)
            return model.id
    elif (project := platform.projects.get(given["project"]) if "project" in given else None) and project.deleting_since:
        deleting_projects.start_deletion(platform, project)
        return project.name
    return None
