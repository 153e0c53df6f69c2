"""`/v1/services/{service}/tests` and `/test-images`: a running service tried on at most thirty images."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from chalicelib.api.batch_jobs import OptionName, OptionText
from chalicelib.api.calling import caller, require
from chalicelib.api.parameters import Cursor, FewRows, RequestKey
from chalicelib.api.service_test_views import (
    ImageAnswerView,
    KeptImagesView,
    KeptImageView,
    ServiceTestPage,
    ServiceTestResultView,
    ServiceTestView,
)
from chalicelib.bootstrap import platform
from chalicelib.domain.indexing import is_file_path
from chalicelib.domain.service import Service
from chalicelib.domain.service_test import DEFAULT_THRESHOLD, MAX_IMAGES, ImageAnswer, ImageAnswers, ServiceTest, tests_of
from chalicelib.service import service_tests, testing_images
from chalicelib.service.finding import find_service
from droplearn.contracts.document import Part
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.s3_layout import service_images_prefix
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]
LINK_S = 900

Threshold = Annotated[float, Field(ge=0, le=1)]
AtLeast = Annotated[float, Query(ge=0, le=1, description="Only predictions of at least this confidence")]
ImageName = Annotated[str, Query(min_length=1, max_length=300, description="As it is listed: below the service's own folder")]


class UploadedImage(Part):
    """An image for the service's own folder. `name`: `cat/1.jpg` says that its true label is `cat`. `body`: base64."""

    name: Annotated[str, Field(min_length=1, max_length=300)]
    body: Annotated[str, Field(min_length=1)]


class NewServiceTest(Part):
    """A test to be: of the images below a path of the data bucket, or of those in the service's own folder, to which `images` go first."""

    path: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    images: Annotated[list[UploadedImage], Field(max_length=MAX_IMAGES)] = Field(default_factory=list)
    options: Annotated[dict[OptionName, OptionText], Field(max_length=20, json_schema_extra={"additionalProperties": False})] = Field(
        default_factory=dict, description="Of each answer, as in a prediction's query: `top`, `pos`, ..."
    )
    threshold: Threshold = DEFAULT_THRESHOLD


@router.post("/v1/services/<service>/tests", status_code=201, summary="Test a service", tags=["services"])
def run_service_test(service: str, test: NewServiceTest, request_key: RequestKey = None) -> ServiceTestResultView:
    """Asks about the newest 30 images below the path, as many as fit into one call, and keeps what it answered: while `pending_count` is
    not 0, go on with `/continue`. Needs Predict and, since it shows them, ListProject.
    """
    require(Permission.PREDICT, _listed(service).project)
    uploads = {image.name: _decoded(image) for image in test.images}
    order = service_tests.ServiceTestOrder(service, test.path, uploads, test.options, request_key, caller().id)
    return _result(*service_tests.run_test(platform(), order), test.threshold)


@router.post("/v1/services/<service>/tests/<test>/continue", summary="Go on with a test of a service", tags=["services"])
def continue_service_test(service: str, test: str, threshold: AtLeast = DEFAULT_THRESHOLD) -> ServiceTestResultView:
    """Asks about images that have no answer yet, as many as fit into one call. While another call does so, or when none is left, only the
    state is told. Needs Predict and ListProject.
    """
    require(Permission.PREDICT, _listed(service).project)
    return _result(*service_tests.go_on(platform(), service, test), threshold)


@router.get("/v1/services/<service>/tests", summary="List a service's tests", tags=["services"])
def list_service_tests(service: str, limit: FewRows = 20, cursor: Cursor = None) -> ServiceTestPage:
    """A month of them, newest first. Needs ListProject."""
    _listed(service)
    page = platform().service_tests.page(tests_of(service), limit, cursor, is_newest_first=True)
    return ServiceTestPage(tests=[ServiceTestView.model_validate(test) for test in page.items], next_cursor=page.cursor)


@router.get("/v1/services/<service>/tests/<test>", summary="Get a test of a service", tags=["services"])
def get_service_test(service: str, test: str, threshold: AtLeast = DEFAULT_THRESHOLD) -> ServiceTestResultView:
    """At any threshold: the service is not asked again. Needs ListProject."""
    _listed(service)
    return _result(*service_tests.read_test(platform(), service, test), threshold)


@router.get("/v1/services/<service>/test-images", summary="List the images kept for a service's tests", tags=["services"])
def list_test_images(service: str) -> KeptImagesView:
    """Those in its own folder of the data bucket, newest first. Needs ListProject."""
    found = _listed(service)
    path = service_images_prefix(found.project, found.id)
    images = [
        KeptImageView(name=i.key.removeprefix(path), size_bytes=i.size_bytes, changed_at=i.changed_at, url=_link(i.key))
        for i in testing_images.kept_images(platform(), found)
    ]
    return KeptImagesView(path=path, images=images)


@router.delete("/v1/services/<service>/test-images", status_code=204, summary="Remove an image kept for tests", tags=["services"])
def remove_test_image(service: str, name: ImageName) -> Response[None]:
    """What was answered about it stays with its tests. Needs Predict."""
    found = find_service(platform(), service)
    require(Permission.PREDICT, found.project)
    testing_images.remove_image(platform(), found, name)
    return Response(status_code=204, body=None)


def _listed(service: str) -> Service:
    found = find_service(platform(), service)
    require(Permission.LIST_PROJECT, found.project)
    return found


def _decoded(image: UploadedImage) -> bytes:
    if not is_file_path(image.name) or image.name.startswith("/") or image.name.endswith("/"):
        raise InvalidRequest("service_test.bad_name", f"{image.name!r} cannot name an image.", hint="Write label/file.jpg or file.jpg.")
    try:
        return base64.b64decode(image.body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("request.invalid", f"The body of {image.name!r} is no base64.", hint="Send its bytes in base64.") from error


def _link(key: str) -> str:
    return platform().links.to_data(key, LINK_S)


def _result(test: ServiceTest, answers: ImageAnswers, threshold: float) -> ServiceTestResultView:
    return ServiceTestResultView.model_validate(
        vars(test) | {"threshold": threshold, "images": [_shown(image, threshold) for image in answers.images]}
    )


def _shown(image: ImageAnswer, threshold: float) -> ImageAnswerView:
    """With a word where the threshold hides all that was found."""
    predictions = image.predictions(threshold)
    below = len(image.predictions(0)) - len(predictions)
    return ImageAnswerView(
        key=image.key,
        is_pending=image.is_waiting,
        url=_link(image.key),
        true_label=image.true_label,
        is_right=image.is_right,
        predictions=predictions,
        below_threshold_count=below,
        hint=_hint(image, threshold, below) if not predictions else "",
        error=image.failure,
    )


def _hint(image: ImageAnswer, threshold: float, below: int) -> str:
    if image.is_waiting:
        return "Not answered yet: go on with the test."
    return f"Nothing reaches {threshold:.2f}: lower the threshold." if below else ""
