"""Notifications of a bucket carry what the indexer relies on: a sequencer that orders the events of a key."""

from __future__ import annotations

import json

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws


def test_every_event_of_a_key_has_a_later_sequencer_also_a_delete(aws: Aws):
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    s3.create_bucket(Bucket="noisy", CreateBucketConfiguration={"LocationConstraint": REGION})
    wanted = {"QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events", "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(Bucket="noisy", NotificationConfiguration={"QueueConfigurations": [wanted]})
    for body in (b"1", b"2"):
        s3.put_object(Bucket="noisy", Key="a b+c/猫.jpg", Body=body)
    s3.delete_object(Bucket="noisy", Key="a b+c/猫.jpg")
    s3.put_object(Bucket="noisy", Key="a b+c/猫.jpg", Body=b"3")

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    records = [record for m in messages for record in json.loads(m["Body"]).get("Records", [])]
    assert [r["eventName"].split(":")[0] for r in records] == ["ObjectCreated", "ObjectCreated", "ObjectRemoved", "ObjectCreated"]
    sequencers = [r["s3"]["object"]["sequencer"] for r in records]
    assert sequencers == sorted(set(sequencers))
    assert len({len(s) for s in sequencers}) == 1
