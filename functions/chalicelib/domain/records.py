"""What every kept thing has in common: a kind, an id, and a place in one listing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar


class Record(Protocol):
    """A frozen dataclass that is kept as one item: `<KIND>#<id>` / `<KIND>`. Fields are JSON values; None is not stored."""

    KIND: ClassVar[str]

    @property
    def key(self) -> str:
        """Unique among its kind."""

    @property
    def listing(self) -> tuple[str, str] | None:
        """The list that it stands in, and its place there (listed_in, listed_at); None: in no list."""


class ById(Record, Protocol):
    """A record that is known by its id alone."""

    id: str

    @property
    def key(self) -> str:
        """The id."""
        return self.id


class Executed(ById, Protocol):
    """A record whose work an execution of a state machine does. `attempt` counts them, `execution` is the present one's ARN."""

    status: str
    attempt: int
    execution: str | None

    @property
    def execution_name(self) -> str:
        """One for each attempt."""
        return f"{self.id}-a{self.attempt}"


class InProject(Record, Protocol):
    """A record that is known by its name within its project."""

    project: str
    name: str

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return f"{self.project}/{self.name}"


R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of a list, and where the next page begins (None: this was the last)."""

    items: list[T]
    cursor: str | None
