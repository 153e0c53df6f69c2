"""`python -m benchmarks.indexing`: AWS calls per 1,000 dropped objects, objects per second of handler CPU, and what a freeze takes.

Batches as Lambda delivers them go straight to the handler; botocore works as always, up to the network (stub.py, its own time taken off).
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.indexing.contenders import CONTENDERS, environment
from benchmarks.indexing.freezing import measure_freeze
from benchmarks.indexing.stub import DynamoStub
from chalicelib.adapters.example_store import TableExampleStore
from tests.drop_events import drop_event

LABELS = 10
GOAL = 60
"""Calls per 1,000 objects."""
RECORD = {
    "attributes": {},
    "messageAttributes": {},
    "md5OfBody": "",
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:drop",
    "awsRegion": "eu-west-1",
}


class Run(NamedTuple):
    calls: dict[str, int]
    cpu_s: float


def batch_size() -> int:
    """What the template says."""

    class Loader(yaml.SafeLoader):
        """Reads `!Ref` and the like as nothing."""

    Loader.add_multi_constructor("!", lambda *_: None)
    template = yaml.load(Path("infra/template.yaml").read_text(), Loader)
    return int(template["Resources"]["IndexObjectsSource"]["Properties"]["BatchSize"])


def events(objects: int, size: int) -> list[dict[str, Any]]:
    """A drop in the order of upload, in batches."""
    paths = (f"label_{n % LABELS}/picture {n:06d}.jpg" for n in range(objects))
    bodies = [drop_event(f"zoo/animals/{path}", n + 1, size=100_000, etag=f"{n:032x}") for n, path in enumerate(paths)]
    records = [RECORD | {"messageId": str(n), "receiptHandle": str(n), "body": body} for n, body in enumerate(bodies)]
    return [{"Records": records[start : start + size]} for start in range(0, objects, size)]


def run(contender: str, batches: list[dict[str, Any]], *, again: bool = False) -> Run:
    """With `again`, everything is delivered a second time, and only that is measured."""
    stub = DynamoStub()
    handle = CONTENDERS[contender](stub)
    for batch in batches if again else []:
        handle(batch)
    stub.calls.clear()
    stub.own_s, began = 0.0, time.process_time()
    for batch in batches:
        assert handle(batch) == {"batchItemFailures": []}
    found = Run(dict(stub.calls), time.process_time() - began - stub.own_s)
    if contender == "droplearn":
        objects = sum(len(batch["Records"]) for batch in batches)
        assert TableExampleStore("table", "data").counts("zoo", "animals").labelled == objects
    return found


def show(name: str, objects: int, runs: list[Run]) -> None:
    calls = runs[0].calls
    per_thousand = {operation: 1000 * n / objects for operation, n in sorted(calls.items())}
    rates = [objects / r.cpu_s for r in runs]
    told = ", ".join(f"{operation.removeprefix('dynamodb:')} {n:.1f}" for operation, n in per_thousand.items())
    print(
        f"{name:<28} {objects:>7,} {sum(per_thousand.values()):>9.1f}  {statistics.median(rates):>9,.0f}  "
        f"{min(rates):>8,.0f} - {max(rates):<8,.0f} {told}"
    )


def compare(objects: int, size: int, repeats: int) -> float:
    """Prints a line per handler. Returns our calls per 1,000 objects."""
    batches = events(objects, size)
    contenders = [("droplearn", True), *((name, False) for name in CONTENDERS)]
    runs: dict[tuple[str, bool], list[Run]] = {contender: [] for contender in contenders}
    for _ in range(repeats):
        for name, again in random.sample(contenders, len(contenders)):
            runs[name, again].append(run(name, batches, again=again))
    for (name, again), found in sorted(runs.items()):
        show(name + (", all again" if again else ""), objects, found)
    return 1000 * sum(runs["droplearn", False][0].calls.values()) / objects


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--objects", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--freeze", type=int, default=200_000, help="examples in the freeze; 0: none")
    given, size = parser.parse_args(), batch_size()
    print(f"Batches of {size} messages, {given.repeats} interleaved repeats, {LABELS} labels; objects per second of CPU: median, range\n")
    print(f"{'':<28} {'':>7} {'calls per':>9}")
    print(f"{'handler':<28} {'objects':>7} {'1,000':>9}  {'objects/s':>9}  {'range':<19} dynamodb, per 1,000")
    with environment:
        calls = [compare(objects, size, given.repeats) for objects in given.objects]
    print(f"\nGoal: at most {GOAL} calls per 1,000 objects: {'met' if max(calls) <= GOAL else 'MISSED'}.")
    print(
        "Beside these, for every handler alike, the Lambda service takes and deletes the messages, ten at a time: per 1,000 that is "
        f"100 sqs:ReceiveMessage\nand 100 sqs:DeleteMessageBatch (computed), and {ceil(1000 / size)} invocations."
    )
    if given.freeze:
        measure_freeze(given.freeze)


if __name__ == "__main__":
    main()
