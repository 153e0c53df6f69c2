"""Documents that were written once are read for ever: each golden file parses and says the same when written again; fields that came later
have their defaults.
"""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from droplearn.contracts import (
    connection,
    dataset,
    dataset_config,
    evaluation,
    model,
    optimisation,
    prediction,
    s3_layout,
    training,
    versions,
)
from droplearn.contracts.errors import InvalidRequest

GOLDENS = Path(__file__).parent / "goldens"

READERS: dict[str, type[BaseModel]] = {
    "connection": connection.Connection,
    "dataset_config": dataset_config.DatasetConfig,
    "dataset_version": dataset.DatasetVersion,
    "dataset_version_with_annotation_files": dataset.DatasetVersion,
    "evaluation_report": evaluation.EvaluationReport,
    "evaluation_report_with_details": evaluation.EvaluationReport,
    "evaluation_request": evaluation.EvaluationRequest,
    "failure": training.Failure,
    "health_report": dataset.HealthReport,
    "model_manifest": model.ModelManifest,
    "optimisation_report": optimisation.OptimisationReport,
    "optimisation_report_with_memory": optimisation.OptimisationReport,
    "optimisation_request": optimisation.OptimisationRequest,
    "prediction_error": prediction.PredictionError,
    "prediction_request": prediction.PredictionRequest,
    "prediction_success": prediction.PredictionSuccess,
    "prediction_success_with_pos_pixels": prediction.PredictionSuccess,
    "prediction_success_with_pos_relative": prediction.PredictionSuccess,
    "progress_line": training.ProgressLine,
    "shared_versions": versions.SharedVersions,
    "training_request": training.TrainingRequest,
    "training_request_with_options": training.TrainingRequest,
    "version_example": dataset.VersionExample,
}


@pytest.mark.parametrize("name", READERS)
def test_a_golden_document_parses_and_is_written_the_same(name):
    text = (GOLDENS / f"{name}.v1.json").read_text()
    parsed = READERS[name].model_validate_json(text)
    assert_says(json.loads(parsed.model_dump_json(exclude_none=True)), json.loads(text))


def assert_says(written: object, golden: object) -> None:
    """Equal, but for keys that the golden file does not have yet."""
    if isinstance(golden, dict):
        assert isinstance(written, dict)
        for key, value in golden.items():
            assert_says(written[key], value)
    elif isinstance(golden, list):
        assert isinstance(written, list)
        assert len(written) == len(golden)
        for one, other in zip(written, golden, strict=True):
            assert_says(one, other)
    else:
        assert written == golden


def test_every_golden_file_has_a_reader():
    known = set(READERS) | {"metric_line", "error"}
    assert {path.name.removesuffix(".v1.json") for path in GOLDENS.glob("*.json")} == known


def test_a_metric_line_is_read_as_it_was_written():
    line = json.loads((GOLDENS / "metric_line.v1.json").read_text())
    parsed = training.MetricLine.from_dict(line)
    assert parsed.metrics["valid_top1_accuracy"] == 0.93
    assert json.loads(parsed.to_line()) == line


def test_an_unknown_key_is_refused_by_name():
    with pytest.raises(InvalidRequest, match="trian"):
        dataset_config.DatasetConfig.from_json('{"trian": {}}')


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("zoo/animals/cat/a b+ü.jpg", ("zoo", "animals", "cat/a b+ü.jpg")),
        ("动物园/数据/猫/1.jpg", ("动物园", "数据", "猫/1.jpg")),
        ("zoo/animals/", None),
        ("zoo/a.jpg", None),
        ("-zoo/animals/a.jpg", None),
        ("zoo//a.jpg", None),
    ],
)
def test_an_example_key_is_project_dataset_and_path(key, expected):
    found = s3_layout.parse_example_key(key)
    assert found == expected
    assert found is None or found.key == key
