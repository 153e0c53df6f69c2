"""Where things live in the two buckets.

Data bucket: `<project>/<dataset>/<path of the example>`, written by users, read in place.
Artifact bucket: everything that droplearn writes.
"""

from __future__ import annotations

from typing import NamedTuple

from droplearn.contracts.ids import is_name

CONFIG_FILE = "droplearn.yaml"


class ExampleKey(NamedTuple):
    """An object's place in the data bucket."""

    project: str
    dataset: str
    path: str

    @property
    def key(self) -> str:
        """The object key."""
        return f"{self.project}/{self.dataset}/{self.path}"


def parse_example_key(key: str) -> ExampleKey | None:
    """None for a key that is not below `<project>/<dataset>/`, or whose first parts cannot be names."""
    parts = key.split("/", 2)
    if len(parts) != 3 or not parts[2] or not is_name(parts[0]) or not is_name(parts[1]):
        return None
    return ExampleKey(*parts)


def dataset_prefix(project: str, dataset: str) -> str:
    """`<project>/<dataset>/`."""
    return f"{project}/{dataset}/"


def service_images_prefix(project: str, service_id: str) -> str:
    """What was uploaded to test a service with. In the data bucket, but in no dataset: no dataset's name begins with a dot."""
    return f"{project}/.service-tests/{service_id}/"


# ---- artifact bucket: keys and prefixes ----------------------------------------------------------------------------
def version_prefix(version_id: str) -> str:
    """Holds version.json, examples.jsonl and images.manifest of a dataset version."""
    return f"versions/{version_id}/"


def task_prefix(task_id: str) -> str:
    """Holds checkpoints/ and output/ of a task."""
    return f"tasks/{task_id}/"


def checkpoints_prefix(task_id: str) -> str:
    """What the trainer keeps in /opt/ml/checkpoints; survives attempts."""
    return f"{task_prefix(task_id)}checkpoints/"


def best_model_prefix(task_id: str) -> str:
    """The files of the best model so far, each by itself: what is served by anything but SageMaker reads them here."""
    return f"{checkpoints_prefix(task_id)}best/"


def best_model_manifest_key(task_id: str) -> str:
    """The ModelManifest of the best model so far."""
    return f"{best_model_prefix(task_id)}model.json"


def health_report_key(task_id: str) -> str:
    """The HealthReport of the dataset version, written while the trainer read it."""
    return f"{checkpoints_prefix(task_id)}health.json"


def training_output_prefix(task_id: str) -> str:
    """S3OutputPath of the training jobs; SageMaker appends `<job>/output/model.tar.gz`."""
    return f"{task_prefix(task_id)}output"


def service_models_prefix(service_id: str) -> str:
    """Holds copies of models, by configuration, for a service whose versions share the servers."""
    return f"services/{service_id}/"


def shared_models_prefix(service_id: str, config: str) -> str:
    """versions.json and `<version>/model.tar.gz` of the versions that share an endpoint's servers under this configuration."""
    return f"{service_models_prefix(service_id)}{config}/"


def optimisation_prefix(task_id: str, attempt: int) -> str:
    """Holds request/ (request.json, images.manifest) and report/ (optimisation.json, `<variant>/model.tar.gz`)."""
    return f"{task_prefix(task_id)}optimised/a{attempt}/"


def evaluation_prefix(evaluation_id: str) -> str:
    """Holds request/request.json, report/report.json and report/predictions.parquet."""
    return f"evaluations/{evaluation_id}/"


def evaluation_inputs_prefix(evaluation_id: str) -> str:
    """Holds the list of what is looked at, where that is not all; forgotten after some days."""
    return f"evaluation-inputs/{evaluation_id}/"


def batch_files_prefix(batch_id: str) -> str:
    """What a batch job works with; forgotten after some days."""
    return f"batch/{batch_id}/"


def batch_prefix(batch_id: str, attempt: int) -> str:
    """The part of one attempt: inputs.jsonl, plan.json, manifests/, parts/."""
    return f"{batch_files_prefix(batch_id)}a{attempt}/"


def results_prefix(batch_id: str) -> str:
    """What a batch job gives: `<key in the data bucket>.out` of each input, and summary.csv or .parquet, results.jsonl, failures.jsonl,
    report.json.

    The names cannot meet: a key in the data bucket begins with a project's name and a slash.
    """
    return f"infer-result-{batch_id}/"


def result_key(batch_id: str, input_key: str) -> str:
    """The answer about one object. Source of `.out`: Amazon SageMaker API Reference, TransformOutput."""
    return f"{results_prefix(batch_id)}{input_key}.out"


def exports_prefix(model_id: str) -> str:
    """Holds what a model was packed into."""
    return f"exports/{model_id}/"


def export_key(model_id: str, file_name: str) -> str:
    """A packed model, made when it is asked for and forgotten after some days."""
    return f"{exports_prefix(model_id)}{file_name}"


BROWSER_RUNTIME_VERSION = "1.30.0"
"""Of onnxruntime-web, which runs models in a browser."""


def browser_runtime_key(name: str) -> str:
    """One of its files, gzipped. Written when the stack is deployed."""
    return f"assets/onnxruntime-web-{BROWSER_RUNTIME_VERSION}/{name}"


def trial_inputs_prefix(model_id: str) -> str:
    """Holds what somebody tried a model with."""
    return f"trials/{model_id}/"


def trial_input_key(model_id: str, slot: int) -> str:
    """One of them; the slots are used over and over."""
    return f"{trial_inputs_prefix(model_id)}{slot:02d}"


def service_tests_prefix(service_id: str) -> str:
    """Holds what a service answered in tests."""
    return f"service-tests/{service_id}/"


def service_test_key(service_id: str, test_id: str) -> str:
    """The answers of one of them."""
    return f"{service_tests_prefix(service_id)}{test_id}.json"


def s3_uri(bucket: str, key: str) -> str:
    """`s3://bucket/key`."""
    return f"s3://{bucket}/{key}"
