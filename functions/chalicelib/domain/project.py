"""Projects: the unit of access and work. A project's id is its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Project:
    """`scenario` is inferred when a drop created the project, until somebody says otherwise."""

    KIND: ClassVar[str] = "PROJECT"
    LISTED_IN: ClassVar[str] = "PROJECTS"

    name: str
    scenario: str
    created_at: str
    description: str = ""
    is_scenario_inferred: bool = False
    model_count: int = 0
    """The number of the newest model; models are numbered within their project."""
    updated_at: str | None = None
    deleting_since: str | None = None
    """It is being deleted: nothing begins in it any more."""
    is_deletion_begun: bool = False
    """There is no way back."""
    deleted_until: str | None = None
    """One Lambda deletes it now, and is over by then."""
    deletion_problem: str | None = None
    """Why the last deletion that was asked for was given up."""

    @property
    def key(self) -> str:
        """The name."""
        return self.name

    @property
    def listing(self) -> tuple[str, str]:
        """All projects by name."""
        return self.LISTED_IN, self.name
