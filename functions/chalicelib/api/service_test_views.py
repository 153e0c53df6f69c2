"""What callers see of tests of services."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.api.views import View


class ServiceTestView(View):
    """A test. Of its images `scored_count` have a true label that the model knows, of these `right_count` were answered with it."""

    id: str
    service: str
    model: str
    version: str | None = Field(default=None, description="Of the service, which every answer is of; null: not known")
    path: str
    created_at: str
    image_count: int
    pending_count: int = Field(description="Images that have no answer yet: go on with the test")
    failed_count: int
    left_out_count: int = Field(description="Images below the path that are older than the thirty tested")
    removed_count: int = Field(description="Of the service's own folder: what newer images displaced")
    skipped_count: int = Field(description="Objects below the path that are no input of the model")
    scored_count: int
    right_count: int


class ServiceTestPage(View):
    """Tests, newest first."""

    tests: list[ServiceTestView]
    next_cursor: str | None = None


class ImageAnswerView(View):
    """One image; `url`: for a quarter of an hour."""

    key: str
    is_pending: bool = Field(description="It has no answer yet")
    url: str
    true_label: str | None
    is_right: bool | None = Field(description="The first answer, whatever the threshold; null where there is nothing to compare")
    predictions: list[dict[str, Any]] = Field(description="Of at least the threshold, as the service gave them")
    below_threshold_count: int
    hint: str
    error: str | None


class ServiceTestResultView(ServiceTestView):
    """With what was answered, seen at a threshold."""

    threshold: float
    images: list[ImageAnswerView]


class KeptImageView(View):
    """`url`: for a quarter of an hour."""

    name: str
    size_bytes: int
    changed_at: str
    url: str


class KeptImagesView(View):
    """At most thirty, newest first; `path`: where they lie in the data bucket."""

    path: str
    images: list[KeptImageView]
