"""`versions.json` in a model folder: several versions of a service that share a server, and each one's weight of the traffic.

Without that file the folder holds one model. The product writes it; the server reads it at its start.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from droplearn.contracts.document import Document, Part

VERSIONS_FILE = "versions.json"
ARCHIVE_FILE = "model.tar.gz"
MAX_SHARED_VERSIONS = 10
"""As many as an endpoint has variants: one instance has the memory for no more."""
VERSION_OPTION = "version"
"""Names a version in a request, `?version=v2` or CustomAttributes `version=v2`, and in the CustomAttributes of the answer."""

PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]


class SharedVersion(Part):
    """One of them. `folder`: below the model folder; it holds the files of a model, or its `model.tar.gz`. Of weight 0: it
    answers only those who name it.
    """

    name: PlainName
    folder: PlainName
    weight: float = Field(ge=0)


class SharedVersions(Document):
    """`versions.json`. Weights are in proportion to their sum."""

    versions: list[SharedVersion] = Field(min_length=1, max_length=MAX_SHARED_VERSIONS)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for what in ("name", "folder"):
            told = [getattr(version, what) for version in self.versions]
            if len(set(told)) < len(told):
                raise ValueError(f"Two versions have the same {what}.")
        if sum(version.weight for version in self.versions) <= 0:
            raise ValueError("No version would get any traffic.")
        return self
