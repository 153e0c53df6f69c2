"""A running service is asked about at most thirty images under a path; what it answered is kept, and any threshold answers from that.

One call asks about as many as fit into its time, the next goes on with the others. Who asks holds the test (`held_until`): a second
click only sees how far the first is. What is answered is written group by group, by the holder alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from chalicelib.domain.service import Service
from chalicelib.domain.service_test import KEPT_S, ImageAnswers, ServiceTest
from chalicelib.domain.service_version import number_of
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.asking import ask_in_turn
from chalicelib.service.finding import find, find_service
from chalicelib.service.requests import id_of_request
from chalicelib.service.testing_images import select, unanswered
from chalicelib.service.versions import version_of
from droplearn.contracts.errors import Conflict, InvalidDataset, InvalidRequest, NotFound, UnsupportedScenario
from droplearn.contracts.ids import new_id
from droplearn.contracts.s3_layout import service_images_prefix, service_test_key
from droplearn.contracts.status import ServiceStatus

HELD_S = 45
"""Longer than any call lives (29 s): a holder that was cut off writes nothing any more."""


@dataclass(frozen=True)
class ServiceTestOrder:
    """`path`: a prefix of the data bucket; None: the service's own folder, to which `uploads` (name -> bytes) go first.
    `request_key` and `caller` are for double clicks.
    """

    service: str
    path: str | None = None
    uploads: dict[str, bytes] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    request_key: str | None = None
    caller: str = ""

    @property
    def asked(self) -> str:
        """What the same key must ask again. Of uploads their names and sizes."""
        sizes = {name: len(body) for name, body in self.uploads.items()}
        return json.dumps([self.service, self.path, sizes, self.options], sort_keys=True)


def run_test(platform: Platform, order: ServiceTestOrder) -> tuple[ServiceTest, ImageAnswers]:
    """Makes a test and asks about the first of its images.

    Raises NotFound (`service.unknown`), UnsupportedScenario (`service_test.not_supported`), InvalidDataset (`service_test.no_image`),
    Conflict (`service.not_running`, `idempotency.mismatch`), InvalidRequest (`service_test.foreign_path`, `service_test.two_sources`,
    `service_test.too_many_objects`).
    """
    service = find_service(platform, order.service)
    path = _checked_path(service, order)
    scope = f"{order.caller}#service-tests#{service.id}"
    test_id = id_of_request(platform, scope=scope, key=order.request_key, asked=order.asked, id_to_make=new_id("test"))
    if platform.service_tests.get(test_id) is None:
        _begin(platform, service, test_id, path, order)
    return go_on(platform, service.id, test_id)


def go_on(platform: Platform, service_id: str, test_id: str) -> tuple[ServiceTest, ImageAnswers]:
    """Asks about as many of the images that have no answer yet as fit. Of a test that is done, or that another call is busy with, the
    state is told.

    Raises NotFound (`service_test.unknown`, `service.unknown`), Conflict (`service.not_running`, `service_test.model_changed`).
    """
    test = _find(platform, service_id, test_id)
    if test.pending_count == 0:
        return read_test(platform, service_id, test_id)
    service = find_service(platform, service_id)
    _check_running(service)
    if not _answers_as_before(service, test):
        raise Conflict(
            "service_test.model_changed",
            f"The service answered with {test.model} when this test began; that version is gone.",
            hint="What was answered is kept; make a new test.",
        )
    held = _held(platform, test)
    return _asked(platform, service, held) if held is not None else read_test(platform, service_id, test_id)


def _answers_as_before(service: Service, test: ServiceTest) -> bool:
    return test.version in service.weights if test.version else service.model == test.model


def read_test(platform: Platform, service_id: str, test_id: str) -> tuple[ServiceTest, ImageAnswers]:
    """Raises NotFound (`service_test.unknown`)."""
    test = _find(platform, service_id, test_id)
    answers = _kept(platform, test)
    if answers is None and test.pending_count == 0:
        raise _unknown(test_id)
    return test, answers or ImageAnswers(images=[])


def _find(platform: Platform, service_id: str, test_id: str) -> ServiceTest:
    test = find(platform.service_tests, test_id, "service_test")
    if test.service != service_id:
        raise _unknown(test_id)
    return test


def _unknown(test_id: str) -> NotFound:
    return NotFound("service_test.unknown", f"This service has no test {test_id!r}.", hint="Tests are kept for 30 days.")


def _checked_path(service: Service, order: ServiceTestOrder) -> str:
    if service.serving == "tables":
        raise UnsupportedScenario("service_test.not_supported", f"A service of {service.scenario} answers about users, not about objects.")
    _check_running(service)
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


def _check_running(service: Service) -> None:
    if service.state is not ServiceStatus.RUNNING:
        raise Conflict("service.not_running", f"The service is {service.status}.", hint="It is tested while it is RUNNING.")


def _begin(platform: Platform, service: Service, test_id: str, path: str, order: ServiceTestOrder) -> None:
    """Nothing has an answer yet."""
    for name, body in order.uploads.items():
        platform.service_images.write(path + name, body)
    chosen, now = select(platform, service, path), platform.now()
    if not chosen.images:
        raise InvalidDataset("service_test.no_image", f"Nothing below {path} can be answered about.", hint="Upload images, or name a path.")
    platform.service_images.remove([found.key for found in chosen.to_remove])
    version = _version_asked(service, order)
    test = ServiceTest(
        id=test_id,
        service=service.id,
        project=service.project,
        model=version_of(platform, service, number_of(version)).model if version else service.model,
        path=path,
        created_at=text_of(now),
        expires_at=int(now.timestamp()) + KEPT_S,
        image_count=len(chosen.images),
        pending_count=len(chosen.images),
        left_out_count=chosen.left_out_count,
        removed_count=len(chosen.to_remove),
        skipped_count=chosen.skipped_count,
        query=urlencode({"details": "true"} | order.options | ({"version": version} if version else {})),
        version=version,
    )
    platform.service_tests.add(test)


def _version_asked(service: Service, order: ServiceTestOrder) -> str | None:
    """One answers all images: the one that is named, else the one with the most traffic. None: the servers refuse that name."""
    named = order.options.get("version") or service.best_version
    return named if named in service.weights else None


def _held(platform: Platform, test: ServiceTest) -> ServiceTest | None:
    """None: another call is busy with it."""
    now = platform.now()
    if test.held_until is not None and test.held_until > text_of(now):
        return None
    changes = {"held_until": text_of(now + timedelta(seconds=HELD_S)), "turn": test.turn + 1}
    return platform.service_tests.change(test.id, changes, only_if={"turn": [test.turn]})


def _asked(platform: Platform, service: Service, held: ServiceTest) -> tuple[ServiceTest, ImageAnswers]:
    """By the holder, who gives the test back whatever happens."""
    answers: ImageAnswers | None = None
    try:
        answers = _kept(platform, held) or _keep(platform, held, _unanswered(platform, service, held))
        for group in ask_in_turn(platform, service, answers.waiting, held.query):
            answers = _keep(platform, held, answers.with_answers(group))
    finally:
        counts = answers.counts if answers is not None else {}
        given_back = platform.service_tests.change(held.id, {**counts, "held_until": None}, only_if={"turn": [held.turn]})
    platform.services.change(service.id, {"last_used_at": text_of(platform.now())}, {"status": [ServiceStatus.RUNNING.value]})
    return given_back or held, answers


def _unanswered(platform: Platform, service: Service, test: ServiceTest) -> ImageAnswers:
    return unanswered(platform, service, test.model, select(platform, service, test.path).images)


def _kept(platform: Platform, test: ServiceTest) -> ImageAnswers | None:
    body = platform.artifacts.read(service_test_key(test.service, test.id))
    return ImageAnswers.from_json(body) if body is not None else None


def _keep(platform: Platform, test: ServiceTest, answers: ImageAnswers) -> ImageAnswers:
    platform.artifacts.write(service_test_key(test.service, test.id), answers.to_json().encode())
    return answers
