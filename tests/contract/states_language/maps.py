"""Maps, inline and distributed."""

from __future__ import annotations

from typing import Any

from tests.contract.states_language.case import Case, Json, last, states

DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **states(P=last())}


def read_items(key: str, **reader: Any) -> Json:
    item_reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": reader,
        "Parameters": {"Bucket": "asl", "Key": key},
    }
    return states(A={"Type": "Map", "ItemReader": item_reader, "ItemProcessor": DISTRIBUTED, "End": True})


CASES = [
    Case(
        "map-inline",
        states(
            A={
                "Type": "Map",
                "ItemsPath": "$.l",
                "MaxConcurrency": 5,
                "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **states(P=last())},
                "End": True,
            },
        ),
        [{"v": i, "i": i} for i in range(8)],
        {"l": list(range(8))},
    ),
    Case("map-distributed-json", read_items("items.json", InputType="JSON"), [{"i": i} for i in range(20)]),
    Case(
        "map-distributed-csv",
        read_items("items.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW"),
        [{"i": "1", "n": "a"}, {"i": "2", "n": "b"}],
    ),
    Case(
        "map-distributed-list-objects",
        states(
            A={
                "Type": "Map",
                "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "asl", "Prefix": "d/"}},
                "ItemProcessor": DISTRIBUTED,
                "End": True,
            },
        ),
        lambda r: [item["Key"] for item in r.output] == ["d/a.csv"],
    ),
    Case(
        "map-distributed-result-writer",
        states(
            A={
                "Type": "Map",
                "ItemsPath": "$.l",
                "ItemProcessor": DISTRIBUTED,
                "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "asl", "Prefix": "results"}},
                "End": True,
            },
        ),
        lambda r: "MapRunArn" in r.output,
        {"l": [1, 2]},
    ),
]
