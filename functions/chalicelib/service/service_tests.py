"""A running service is asked about at most thirty images under a path; what it answered is kept, and any threshold answers from that.

Images that are uploaded for it lie in a folder of the service in the data bucket, in no dataset: there the thirty newest are kept.
Under any other path nothing is written or removed.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlencode

from chalicelib.domain.service import Service
from chalicelib.domain.service_test import KEPT_S, MAX_IMAGES, ImageAnswer, ImageAnswers, ServiceTest
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform, StoredObject
from chalicelib.service.asking import ask
from chalicelib.service.finding import find, find_model, find_service
from chalicelib.service.testing_images import Selection, is_own_folder, select, true_labels
from droplearn.contracts.errors import Conflict, InvalidDataset, InvalidRequest, NotFound, UnsupportedScenario
from droplearn.contracts.ids import new_id
from droplearn.contracts.s3_layout import service_images_prefix, service_test_key
from droplearn.contracts.status import ServiceStatus

AT_ONCE = 8
BUDGET_S = 20.0
"""For all answers: an API call has 29 seconds."""


@dataclass(frozen=True)
class ServiceTestOrder:
    """`path`: a prefix of the data bucket; None: the service's own folder, to which `uploads` (name -> bytes) go first."""

    service: str
    path: str | None = None
    uploads: dict[str, bytes] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)


def run_test(platform: Platform, order: ServiceTestOrder) -> tuple[ServiceTest, ImageAnswers]:
    """Raises NotFound (`service.unknown`), UnsupportedScenario (`service_test.not_supported`), Conflict (`service.not_running`),
    InvalidRequest (`service_test.foreign_path`, `service_test.two_sources`, `service_test.too_many_objects`),
    InvalidDataset (`service_test.no_image`).
    """
    service = find_service(platform, order.service)
    path = _checked_path(service, order)
    for name, body in order.uploads.items():
        platform.service_images.write(path + name, body)
    chosen = select(platform, service, path)
    if not chosen.images:
        raise InvalidDataset("service_test.no_image", f"Nothing below {path} can be answered about.", hint="Upload images, or name a path.")
    platform.service_images.remove([found.key for found in chosen.to_remove])
    answers = ImageAnswers(images=_ask_all(platform, service, chosen.images, order.options))
    test = _test_of(platform, service, path, chosen, answers)
    platform.artifacts.write(service_test_key(service.id, test.id), answers.to_json().encode())
    platform.service_tests.add(test)
    platform.services.change(service.id, {"last_used_at": test.created_at}, {"status": [ServiceStatus.RUNNING.value]})
    return test, answers


def _checked_path(service: Service, order: ServiceTestOrder) -> str:
    if service.serving == "tables":
        raise UnsupportedScenario("service_test.not_supported", f"A service of {service.scenario} answers about users, not about objects.")
    if service.state is not ServiceStatus.RUNNING:
        raise Conflict("service.not_running", f"The service is {service.status}.", hint="It is tested while it is RUNNING.")
    own = service_images_prefix(service.project, service.id)
    path = order.path or own
    if order.uploads and path != own:
        raise InvalidRequest("service_test.two_sources", "Images are uploaded to the service's own folder.", hint="Give a path or images.")
    if not path.startswith(f"{service.project}/"):
        raise InvalidRequest(
            "service_test.foreign_path",
            f"The path {path!r} is not in this service's project.",
            hint=f"It begins with the project's name: {service.project}/...",
        )
    return path


def _ask_all(platform: Platform, service: Service, images: list[StoredObject], options: dict[str, str]) -> list[ImageAnswer]:
    """Several at a time, until all have answered or time is over: one slow image costs nothing but itself."""
    labels, query = true_labels(platform, service, [image.key for image in images]), urlencode(options)
    known, ends_at = frozenset(find_model(platform, service.model).labels), monotonic() + BUDGET_S
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        asked = [pool.submit(ask, platform, service, image, query) for image in images]
        answers = [_answer(future, image, ends_at) for future, image in zip(asked, images, strict=True)]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [a.model_copy(update={"true_label": labels[a.key] if labels.get(a.key) in known else None}) for a in answers]


def _answer(future: Future[ImageAnswer], image: StoredObject, ends_at: float) -> ImageAnswer:
    try:
        return future.result(timeout=max(0.0, ends_at - monotonic()))
    except NotYet:
        return ImageAnswer(key=image.key, size_bytes=image.size_bytes, error=f"no answer within {BUDGET_S:.0f} s of the test")


def _test_of(platform: Platform, service: Service, path: str, chosen: Selection, answers: ImageAnswers) -> ServiceTest:
    now = platform.now()
    verdicts = [image.is_right for image in answers.images if image.is_right is not None]
    return ServiceTest(
        id=new_id("test"),
        service=service.id,
        project=service.project,
        model=service.model,
        path=path,
        created_at=text_of(now),
        expires_at=int(now.timestamp()) + KEPT_S,
        image_count=len(answers.images),
        failed_count=sum(image.failure is not None for image in answers.images),
        left_out_count=chosen.left_out_count,
        removed_count=len(chosen.to_remove),
        skipped_count=chosen.skipped_count,
        scored_count=len(verdicts),
        right_count=sum(verdicts),
    )


def read_test(platform: Platform, service_id: str, test_id: str) -> tuple[ServiceTest, ImageAnswers]:
    """Raises NotFound (`service_test.unknown`)."""
    test = find(platform.service_tests, test_id, "service_test")
    body = platform.artifacts.read(service_test_key(test.service, test.id)) if test.service == service_id else None
    if body is None:
        raise NotFound("service_test.unknown", f"This service has no test {test_id!r}.", hint="Tests are kept for 30 days.")
    return test, ImageAnswers.from_json(body)


def kept_images(platform: Platform, service: Service) -> list[StoredObject]:
    """Of the service's own folder, newest first."""
    found = platform.dropped.listed(service_images_prefix(service.project, service.id))
    return sorted(found, key=lambda image: (image.changed_at, image.key), reverse=True)[:MAX_IMAGES]


def remove_image(platform: Platform, service: Service, name: str) -> None:
    """Of the service's own folder. Nothing happens when it is not there."""
    key = service_images_prefix(service.project, service.id) + name
    if is_own_folder(service, key):
        platform.service_images.remove([key])
