"""The base of every document that crosses a deployment boundary."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from droplearn.contracts.errors import InvalidRequest


class Part(BaseModel):
    """A piece of a document: immutable, and strict about names, so that a typo is an error and not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Part):
    """A document with a schema version. A later version adds optional fields, or gets a new number and a converter."""

    schema_version: int = 1

    def to_json(self) -> str:
        """One line of JSON without fields that are None."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises InvalidRequest, naming the field, when the text is not such a document."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise invalid(cls.__name__, error) from error


def invalid(what: str, error: ValidationError) -> InvalidRequest:
    """The first problems of a validation, in words a user can act on."""
    problems = [describe(p) for p in error.errors(include_url=False, include_context=False)]
    return InvalidRequest(
        "request.invalid",
        f"{what}: " + "; ".join(problems[:3]),
        hint="Correct the named field.",
        details={"problems": problems},
    )


def describe(problem: Any) -> str:
    """`field.inner: message` of one pydantic error."""
    where = ".".join(str(part) for part in problem["loc"]) or "document"
    return f"{where}: {problem['msg']}"
