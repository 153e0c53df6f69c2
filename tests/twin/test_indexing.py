"""What becomes of objects: names, doubles, order, deletes, poison."""

from __future__ import annotations

import json
import random

from tests.pictures import picture
from tests.twin.world import World, pictures

PICTURE = picture("circle", 1)


def queue_url(world: World, root, name: str) -> str:
    urls = root("sqs").list_queues()["QueueUrls"]
    return next(u for u in urls if name in u and "Dead" not in u) if "Dead" not in name else next(u for u in urls if name in u)


def test_names_with_spaces_plus_chinese_and_the_longest_key_are_indexed(world: World):
    long_path = "circle/" + "长" * 300 + "x" * (1024 - len("names/all/circle/.jpg") - 900) + ".jpg"
    assert len(f"names/all/{long_path}".encode()) == 1024
    files = {"cat & dog/a b+c%20d.jpg": PICTURE, "猫/照片 一.JPG": PICTURE, "emoji/😀.png": PICTURE, long_path: PICTURE}
    found = world.drop("names", "all", files)
    assert found["label_counts"] == {"cat & dog": 1, "猫": 1, "emoji": 1, "circle": 1}
    page = world.call("GET", "/v1/projects/names/datasets/all/examples", status="labelled", label="cat & dog")
    assert [e["path"] for e in page["examples"]] == ["cat & dog/a b+c%20d.jpg"]


def test_what_is_no_picture_is_skipped_with_a_reason(world: World):
    files = {
        "circle/1.jpg": PICTURE,
        "root.png": PICTURE,
        "__MACOSX/circle/._1.jpg": b"x",
        ".DS_Store": b"x",
        "circle/.ipynb_checkpoints/1-checkpoint.jpg": PICTURE,
        "circle/notes.txt": b"x",
        "circle/empty.jpg": b"",
    }
    found = world.drop("skips", "all", files)
    assert found["label_counts"] == {"circle": 1}
    assert found["unlabelled_count"] == 1
    assert found["skipped_counts"] == {"system_folder": 2, "hidden_file": 1, "not_an_image": 1, "empty_file": 1}


def test_an_example_whose_object_is_gone_is_gone(world: World):
    world.drop("deletes", "all", pictures(3))
    world.delete("deletes/all/circle/0.jpg")
    found = world.wait(lambda: world.find_dataset("deletes", "all"), lambda d: d["object_count"] == 5)
    assert found["label_counts"] == {"circle": 2, "square": 3}
    page = world.call("GET", "/v1/projects/deletes/datasets/all/examples", status="labelled")
    assert "circle/0.jpg" not in [e["path"] for e in page["examples"]]


def test_examples_are_paged_by_cursor(world: World):
    world.drop("paged", "all", pictures(6))
    found = list(world.client.pages("/v1/projects/paged/datasets/all/examples", "examples", status="labelled", label="circle", limit=4))
    assert [e["path"] for e in found] == sorted(f"circle/{n}.jpg" for n in range(6))


def test_counts_stay_exact_when_every_event_comes_twice_and_shuffled(world: World, root):
    """The bucket's own events are delivered once; here they come again, doubled, out of order, and mixed with deletes."""
    files = pictures(10)
    world.drop("twice", "all", files)
    for n in range(3):
        world.delete(f"twice/all/circle/{n}.jpg")
    world.wait(lambda: world.find_dataset("twice", "all"), lambda d: d["object_count"] == 17)
    events = [event("ObjectCreated:Put", f"twice/all/{path}", f"{i:016X}") for i, path in enumerate(files)] * 2
    events += [event("ObjectRemoved:Delete", f"twice/all/square/{n}.jpg", "FFFFFFFFFFFFFFF0") for n in range(2)] * 2
    random.Random(7).shuffle(events)
    sqs, url = root("sqs"), queue_url(world, root, "DropQueue")
    for body in events:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    world.wait(lambda: waiting(sqs, url), lambda n: n == 0)
    found = world.wait(lambda: world.find_dataset("twice", "all"), lambda d: d["object_count"] == 15)
    assert found["label_counts"] == {"circle": 7, "square": 8}


def test_a_poison_message_ends_in_the_dead_letters_and_harms_no_other(world: World, root):
    sqs, url = root("sqs"), queue_url(world, root, "DropQueue")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=url, MessageBody="{ this is no event")
    found = world.drop("poison", "all", pictures(2))
    assert found["label_counts"] == {"circle": 2, "square": 2}
    dead = queue_url(world, root, "DropDeadLetters")
    world.wait(lambda: waiting(sqs, dead), lambda n: n == 1)
    message = sqs.receive_message(QueueUrl=dead)["Messages"][0]
    assert message["Body"] == "{ this is no event"
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])


def event(name: str, key: str, sequencer: str) -> str:
    from urllib.parse import quote_plus

    record = {
        "eventName": name,
        "eventSource": "aws:s3",
        "s3": {"bucket": {"name": "b"}, "object": {"key": quote_plus(key, safe="/"), "size": 9, "eTag": "e", "sequencer": sequencer}},
    }
    return json.dumps({"Records": [record | {"eventTime": "2026-01-01T00:00:00.000Z", "awsRegion": "eu-west-1", "eventVersion": "2.1"}]})


def waiting(sqs, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(int(v) for v in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())
