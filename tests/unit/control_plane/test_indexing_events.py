"""S3 notifications are read as the User Guide describes them: quoted keys, sequencers of any length, all kinds of removals."""

import json
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.indexing import Ignored, MalformedMessage, ObjectEvent, judge, pad_sequencer, parse_message
from droplearn.contracts.dataset import ExampleStatus
from droplearn.scenarios import scenario_named
from tests.drop_events import drop_event

EVENTS = Path(__file__).parents[2] / "aws_events"
recognise = scenario_named("image_classification").recognise


def only(name: str) -> ObjectEvent:
    (event,) = parse_message((EVENTS / f"{name}.json").read_text()).events
    return event


def test_a_created_object_is_read_with_its_key_unquoted_once():
    event = only("s3_object_created_put")
    assert (event.place.project, event.place.dataset, event.place.path) == ("zoo", "animals", "alpaca/a b+c%.jpg")
    assert (event.is_removal, event.size_bytes, event.etag) == (False, 12345, "d41d8cd98f00b204e9800998ecf8427e")


def test_a_multipart_upload_and_a_key_in_chinese_with_emoji_are_read():
    event = only("s3_object_created_multipart")
    assert (event.place.path, event.etag) == ("马/😀.png", "9b2cf535f27731c974343645a3985328-2")


@pytest.mark.parametrize("name", ["s3_object_removed_delete", "s3_object_removed_delete_marker", "s3_lifecycle_expiration_delete"])
def test_every_kind_of_removal_is_a_removal_and_newer_than_the_creation(name: str):
    event = only(name)
    assert event.is_removal
    assert event.sequencer > only("s3_object_created_put").sequencer
    assert judge(event, recognise).status is ExampleStatus.DELETED


def test_the_test_event_holds_nothing():
    assert parse_message((EVENTS / "s3_test_event.json").read_text()) == ([], [])


def test_other_events_and_keys_outside_a_dataset_are_ignored_with_a_reason():
    assert parse_message((EVENTS / "s3_object_tagging.json").read_text()).ignored == [Ignored("zoo/animals/alpaca/a.jpg", "other_event")]
    for key in ("a.jpg", "zoo/a.jpg", "zoo/animals/", "_bad/animals/a.jpg", "zoo/" + "x" * 31 + "/a.jpg", "/zoo/animals/a.jpg"):
        assert parse_message(drop_event(key, 1)).ignored == [Ignored(key, "outside_a_dataset")]


def created(**thing: str) -> str:
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": thing}}]})


SHAPES = [
    "{ no json",
    "[]",
    "null",
    "{}",
    '{"Records": 3}',
    '{"Records": [{}]}',
    created(key="a/b/c"),
    created(key="p/d/%ff", sequencer="1"),
]


@pytest.mark.parametrize("body", [*SHAPES, drop_event("p/d/a.jpg", "not hex"), drop_event("p/d/a.jpg", "")])
def test_a_message_of_another_shape_is_malformed(body: str):
    with pytest.raises(MalformedMessage):
        parse_message(body)


@given(st.text("0123456789ABCDEF", min_size=1, max_size=20), st.text("0123456789abcdef", min_size=1, max_size=20))
def test_sequencers_compare_like_strings_padded_with_zeros_on_the_right(left: str, right: str):
    width = max(len(left), len(right))
    naive = (left.upper().ljust(width, "0"), right.upper().ljust(width, "0"))
    padded = (pad_sequencer(left), pad_sequencer(right))
    assert (padded[0] < padded[1]) == (naive[0] < naive[1])
    assert (padded[0] == padded[1]) == (naive[0] == naive[1])


path_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=40)


@given(path_text, path_text)
def test_any_key_comes_back_as_it_was(label: str, name: str):
    key = f"p/d/{label}/{name}"
    for quoted in (quote_plus(key), quote_plus(key, safe="/")):
        record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": quoted, "size": 1, "eTag": "e", "sequencer": "1"}}}
        (event,) = parse_message(json.dumps({"Records": [record]})).events
        assert event.place.key == key


def test_a_key_of_1024_bytes_is_an_example():
    path = "长" * 60 + "/" + "x" * (1024 - 4 - 180 - 1 - 4) + ".jpg"
    assert len(f"p/d/{path}".encode()) == 1024
    (event,) = parse_message(drop_event(f"p/d/{path}", 1)).events
    assert judge(event, recognise).label == "长" * 60


@pytest.mark.parametrize("path", ["cat//a.jpg", "../a.jpg", "cat/../../a.jpg", "cat/./a.jpg", "/a.jpg", "cat/a\0.jpg"])
def test_what_no_directory_can_hold_is_skipped_with_a_reason(path: str):
    (event,) = parse_message(drop_event(f"p/d/{path}", 1)).events
    assert judge(event, recognise).reason == "bad_path"


def test_a_folder_marker_keeps_its_own_reason():
    (event,) = parse_message(drop_event("p/d/cat/", 1, size=0)).events
    assert judge(event, recognise).reason == "folder_marker"
