"""A running service is tested with at most thirty images: which, what is kept, what is compared, what goes wrong alone."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Event, Lock
from typing import Any

import pytest

from chalicelib.domain.example import Example, Replacement
from chalicelib.domain.service import Service
from chalicelib.domain.service_test import ImageAnswers, ServiceTest
from chalicelib.domain.service_version import ServiceVersion
from chalicelib.ports import Answer, EndpointState
from chalicelib.service import asking
from chalicelib.service.service_tests import ServiceTestOrder, go_on, read_test, run_test
from chalicelib.service.testing_images import kept_images, remove_image
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import Conflict, InvalidDataset, InvalidRequest, NotFound, Throttled, UnsupportedScenario
from droplearn.contracts.s3_layout import service_images_prefix
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform

OWN = service_images_prefix(PROJECT, "service-x")


def a_service(platform: FakePlatform, **fields: Any) -> Service:
    given: dict[str, Any] = {"status": "RUNNING", "scenario": "image_classification"} | fields
    service = Service(
        "service-x", PROJECT, a_model(platform).id, given.pop("scenario"), given.pop("status"), "", "", "ml.c5.large", **given
    )
    platform.services.put(service)
    platform.endpoints.known[service.id] = EndpointState("InService", instances=dict.fromkeys(service.weights, 1))
    platform.endpoints.answer = answered(("cat", 0.75), ("dog", 0.25))
    return service


def answered(*labels: tuple[str, float]) -> Answer:
    body = [{"label": label, "conf": conf} for label, conf in labels]
    told = {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": {"height": 1, "width": 1}}}
    return Answer(200, json.dumps(told).encode(), "application/json")


def put(platform: FakePlatform, key: str, second: int = 0) -> None:
    platform.dropped.objects[key] = b"picture"
    platform.dropped.changed_at[key] = f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}.000Z"


@pytest.fixture
def platform() -> FakePlatform:
    made = a_platform()
    a_service(made)
    return made


def test_uploaded_images_are_answered_compared_with_their_folder_and_kept(platform: FakePlatform):
    uploads = {"cat/1.jpg": b"a", "dog/2.jpg": b"b", "3.jpg": b"c", "unicorn/4.jpg": b"d"}
    test, answers = run_test(platform, ServiceTestOrder("service-x", uploads=uploads, options={"top": "2"}))
    assert {image.key.removeprefix(OWN): (image.true_label, image.is_right) for image in answers.images} == {
        "cat/1.jpg": ("cat", True),
        "dog/2.jpg": ("dog", False),
        "3.jpg": (None, None),
        "unicorn/4.jpg": (None, None),
    }
    assert (test.image_count, test.scored_count, test.right_count, test.failed_count) == (4, 2, 1, 0)
    assert platform.dropped.objects[OWN + "cat/1.jpg"] == b"a"
    assert read_test(platform, "service-x", test.id) == (test, answers)
    assert platform.services.get("service-x").last_used_at == test.created_at, "a test is a use"


def test_of_what_was_uploaded_the_thirty_newest_are_kept(platform: FakePlatform):
    for n in range(33):
        put(platform, f"{OWN}{n}.jpg", second=n)
    test, answers = run_test(platform, ServiceTestOrder("service-x"))
    assert (test.image_count, test.removed_count, test.left_out_count) == (30, 3, 0)
    assert answers.images[0].key == f"{OWN}32.jpg"
    assert not {f"{OWN}{n}.jpg" for n in range(3)} & set(platform.dropped.objects)
    assert kept_images(platform, platform.services.get("service-x"))[0].key == f"{OWN}32.jpg"


def test_below_any_other_path_nothing_is_removed_and_what_is_left_out_is_said(platform: FakePlatform):
    for n in range(33):
        put(platform, f"{PROJECT}/inbox/{n}.jpg", second=n)
    put(platform, f"{PROJECT}/inbox/notes.txt", second=99)
    test, answers = run_test(platform, ServiceTestOrder("service-x", path=f"{PROJECT}/inbox/"))
    assert (test.image_count, test.removed_count, test.left_out_count, test.skipped_count) == (30, 0, 3, 1)
    assert answers.images[-1].key == f"{PROJECT}/inbox/3.jpg"
    assert len(platform.dropped.objects) == 34


def test_a_dataset_knows_the_true_label_better_than_the_folder(platform: FakePlatform):
    put(platform, f"{PROJECT}/{DATASET}/dog/odd.jpg")
    put(platform, f"{PROJECT}/{DATASET}/cat/new.jpg")
    example = Example("dog/odd.jpg", ExampleStatus.LABELLED, "0001", "x", 7, "cat")
    platform.examples.write(PROJECT, DATASET, [Replacement(None, example)], {}, platform.now())
    _, answers = run_test(platform, ServiceTestOrder("service-x", path=f"{PROJECT}/{DATASET}/"))
    assert {image.key.rpartition("/")[2]: image.true_label for image in answers.images} == {"odd.jpg": "cat", "new.jpg": "cat"}


def test_a_threshold_hides_predictions_and_never_a_failure(platform: FakePlatform):
    _, answers = run_test(platform, ServiceTestOrder("service-x", uploads={"1.jpg": b"a"}))
    (image,) = answers.images
    assert [len(image.predictions(threshold)) for threshold in (0, 0.5, 0.75, 0.76)] == [2, 1, 1, 0]
    error = b'{"success": false, "errorCode": "1002", "errorMsg": "IMAGE_DECODE_ERROR", "detail": "cut off"}'
    platform.endpoints.answer = Answer(400, error, "application/json")
    test, answers = run_test(platform, ServiceTestOrder("service-x"))
    assert (test.failed_count, answers.images[0].failure, answers.images[0].predictions(0)) == (1, "1002 IMAGE_DECODE_ERROR cut off", [])


def test_boxes_are_not_compared_with_one_label(platform: FakePlatform):
    box = [[0, 0], [1, 0], [1, 1], [0, 1]]
    body = [{"label": "cat", "conf": 0.9, "pos": box}, {"label": "dog", "conf": 0.8, "pos": box}]
    told = {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": {}}}
    platform.endpoints.answer = Answer(200, json.dumps(told).encode(), "application/json")
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads={"cat/1.jpg": b"a"}))
    assert test.scored_count == 0


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Throttled("aws.throttled", "slow down"), "aws.throttled: slow down"),
        (Answer(200, b"<html>", "text/html"), "the answer is no JSON object"),
        (Answer(200, b"[1]", "application/json"), "the answer is no JSON object"),
    ],
)
def test_what_goes_wrong_about_one_image_is_told_in_its_place(platform: FakePlatform, reply: Any, told: str):
    def invoke(*_: Any, **__: Any) -> Answer:
        if isinstance(reply, Exception):
            raise reply
        return reply

    platform.endpoints.invoke = invoke  # type: ignore[method-assign]
    test, answers = run_test(platform, ServiceTestOrder("service-x", uploads={"1.jpg": b"a"}))
    assert (test.failed_count, answers.images[0].error) == (1, told)


def finished(platform: FakePlatform, test: ServiceTest, calls: int = 10) -> tuple[ServiceTest, ImageAnswers]:
    for _ in range(calls):
        test, answers = go_on(platform, test.service, test.id)
        if not test.pending_count:
            return test, answers
    raise AssertionError(f"{test.pending_count} images are left after {calls} more calls")


def test_an_image_that_takes_too_long_costs_the_others_nothing_and_is_told(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "BUDGET_S", 0.3)
    end, invoke = Event(), platform.endpoints.invoke

    def slow(service_id: str, body: bytes, *more: Any, **named: Any) -> Answer:
        if body == b"slow":
            end.wait(30)
        return invoke(service_id, body, *more, **named)

    platform.endpoints.invoke = slow  # type: ignore[method-assign]
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads={"2.jpg": b"slow", "1.jpg": b"fast"}))
    assert test.pending_count
    test, answers = finished(platform, test)
    end.set()
    assert {image.key.removeprefix(OWN): image.failure for image in answers.images} == {
        "2.jpg": "no answer within 0.3 s, asked alone",
        "1.jpg": None,
    }
    assert (test.image_count, test.failed_count) == (2, 1)


class SlowService:
    """Each answer takes some seconds of a clock that only it moves."""

    def __init__(self, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, answer_s: float) -> None:
        self.now_s, self.answer_s, self.asked = 0.0, answer_s, 0
        self._answer, self._lock = platform.endpoints.answer, Lock()
        monkeypatch.setattr(asking, "monotonic", lambda: self.now_s)
        platform.endpoints.invoke = self.invoke  # type: ignore[method-assign]

    def invoke(self, *_: Any, **__: Any) -> Answer:
        with self._lock:
            self.now_s, self.asked = self.now_s + self.answer_s, self.asked + 1
        return self._answer


FIVE = {f"{n}.jpg": b"a" for n in range(5)}


def test_a_call_asks_about_what_fits_and_the_next_goes_on(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    service = SlowService(platform, monkeypatch, answer_s=7)
    test, answers = run_test(platform, ServiceTestOrder("service-x", uploads=FIVE))
    assert (test.image_count, test.pending_count, len(answers.waiting)) == (5, 3, 3)
    assert read_test(platform, "service-x", test.id) == (test, answers), "what was answered is kept at once"
    test, _ = go_on(platform, "service-x", test.id)
    assert test.pending_count == 1
    test, answers = go_on(platform, "service-x", test.id)
    assert (test.pending_count, test.failed_count, answers.waiting) == (0, 0, [])
    assert go_on(platform, "service-x", test.id) == (test, answers), "once more changes nothing"
    assert service.asked == 5, "nobody is asked twice"


def test_fast_answers_are_asked_for_many_at_once_within_one_call(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    SlowService(platform, monkeypatch, answer_s=0.6)
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads={f"{n}.jpg": b"a" for n in range(30)}))
    assert (test.image_count, test.pending_count) == (30, 0)


def test_a_second_click_meanwhile_only_sees_how_far_the_first_is(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    service, seen = SlowService(platform, monkeypatch, answer_s=7), list[int]()
    order = ServiceTestOrder("service-x", uploads=FIVE, request_key="click", caller="token-1")
    invoke = service.invoke

    def clicked(*given: Any, **named: Any) -> Answer:
        seen.append(len(run_test(platform, order)[1].waiting))
        return invoke(*given, **named)

    platform.endpoints.invoke = clicked  # type: ignore[method-assign]
    test, _ = run_test(platform, order)
    assert (seen, service.asked, test.pending_count) == ([5, 4], 2, 3)
    assert len(platform.service_tests.known) == 1


def test_a_call_that_was_killed_keeps_what_it_had_and_the_next_goes_on_when_it_is_surely_dead(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
):
    service = SlowService(platform, monkeypatch, answer_s=7)
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads=FIVE))
    platform.service_tests.change(test.id, {"held_until": "2026-01-01T00:00:45.000Z", "turn": test.turn + 1})
    assert go_on(platform, "service-x", test.id)[0].pending_count == 3
    assert service.asked == 2
    platform.pass_time(46)
    assert finished(platform, test)[0].pending_count == 0
    assert service.asked == 5


def test_a_call_that_breaks_gives_the_test_back(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    SlowService(platform, monkeypatch, answer_s=7)
    monkeypatch.setattr(platform.dropped, "listed", _broken_after(platform.dropped.listed, 1))
    with pytest.raises(Throttled):
        run_test(platform, ServiceTestOrder("service-x", uploads=FIVE))
    (test,) = platform.service_tests.known.values()
    assert (test.held_until, test.pending_count) == (None, 5)
    assert read_test(platform, "service-x", test.id)[1].images == [], "nothing is known of its images yet"
    monkeypatch.undo()
    assert finished(platform, test)[0].image_count == 5


def _broken_after(work: Any, calls: int) -> Any:
    left = iter([True] * calls)

    def broken(*given: Any) -> Any:
        if next(left, False):
            return work(*given)
        raise Throttled("aws.throttled", "slow down")

    return broken


def test_a_test_does_not_go_on_with_another_model_or_a_service_that_ended(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    SlowService(platform, monkeypatch, answer_s=7)
    test, answers = run_test(platform, ServiceTestOrder("service-x", uploads=FIVE))
    for fields, code in (({"weights": {"v2": 1.0}}, r"service_test\.model_changed"), ({"status": "STOPPED"}, r"service\.not_running")):
        platform.services.change("service-x", fields)
        with pytest.raises(Conflict, match=code):
            go_on(platform, "service-x", test.id)
    assert read_test(platform, "service-x", test.id) == (test, answers)


@pytest.mark.parametrize(("named", "wanted"), [({}, "v1"), ({"version": "v2"}, "v2")])
def test_where_versions_share_the_traffic_one_of_them_answers_all_images(platform: FakePlatform, named: dict[str, str], wanted: str):
    service = a_service(platform, weights={"v1": 0.6, "v2": 0.4}, version_count=2)
    platform.service_versions.put(ServiceVersion(service.id, 2, a_model(platform, id="model-y").id, "", "ml.c5.large"))
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads=FIVE, options=named))
    assert (test.version, test.model) == (wanted, {"v1": service.model, "v2": "model-y"}[wanted])
    assert platform.endpoints.targets == [wanted] * 5


def test_a_name_that_is_no_version_is_refused_by_the_servers(platform: FakePlatform):
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads={"1.jpg": b"a"}, options={"version": "latest"}))
    assert (test.version, platform.endpoints.targets) == (None, [None])
    assert "version=latest" in test.query


def test_an_image_that_is_too_large_or_gone_is_not_sent(platform: FakePlatform, monkeypatch: pytest.MonkeyPatch):
    put(platform, f"{OWN}gone.jpg")
    platform.dropped.objects[f"{OWN}large.jpg"] = b"x" * (6 * 1024 * 1024 + 1)
    monkeypatch.setattr(platform.service_images, "read", lambda key: None)
    _, answers = run_test(platform, ServiceTestOrder("service-x"))
    assert {image.error for image in answers.images} == {"the object is gone", "larger than 6,291,456 bytes"}
    assert platform.endpoints.asked == []


def test_what_cannot_be_tested_is_refused(platform: FakePlatform):
    with pytest.raises(InvalidDataset, match=r"service_test\.no_image"):
        run_test(platform, ServiceTestOrder("service-x"))
    with pytest.raises(InvalidRequest, match=r"service_test\.foreign_path"):
        run_test(platform, ServiceTestOrder("service-x", path="elsewhere/"))
    with pytest.raises(InvalidRequest, match=r"service_test\.two_sources"):
        run_test(platform, ServiceTestOrder("service-x", path=f"{PROJECT}/inbox/", uploads={"1.jpg": b"a"}))
    for n in range(1001):
        put(platform, f"{PROJECT}/large/{n}.jpg")
    with pytest.raises(InvalidRequest, match=r"service_test\.too_many_objects"):
        run_test(platform, ServiceTestOrder("service-x", path=f"{PROJECT}/large/"))
    platform.services.put(replace(platform.services.get("service-x"), status="STOPPED"))
    with pytest.raises(Conflict, match=r"service\.not_running"):
        run_test(platform, ServiceTestOrder("service-x"))
    a_service(platform, scenario="recommendation", serving="tables")
    with pytest.raises(UnsupportedScenario):
        run_test(platform, ServiceTestOrder("service-x"))


def test_a_test_belongs_to_its_service(platform: FakePlatform):
    test, _ = run_test(platform, ServiceTestOrder("service-x", uploads={"1.jpg": b"a"}))
    with pytest.raises(NotFound, match=r"service_test\.unknown"):
        read_test(platform, "service-y", test.id)
    platform.artifacts.objects.clear()
    with pytest.raises(NotFound, match=r"service_test\.unknown"):
        read_test(platform, "service-x", test.id)


def test_only_images_of_the_service_s_own_folder_are_removed_by_name(platform: FakePlatform):
    put(platform, f"{OWN}cat/1.jpg")
    service = platform.services.get("service-x")
    for name in ("cat/1.jpg", "cat/1.jpg", "../service-y/1.jpg"):
        remove_image(platform, service, name)
    assert kept_images(platform, service) == []
