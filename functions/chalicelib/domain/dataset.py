"""Datasets: an indexed prefix of the data bucket. Their examples and counters are the example store's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from chalicelib.domain.records import InProject


@dataclass(frozen=True)
class Dataset(InProject):
    """`config` is the droplearn.yaml as parsed (DatasetConfig as JSON), `config_problem` why it was not taken over (ConfigProblem)."""

    KIND: ClassVar[str] = "DATASET"

    project: str
    name: str
    created_at: str
    description: str = ""
    config: dict[str, Any] | None = None
    config_etag: str | None = None
    config_sequencer: str | None = None
    config_problem: dict[str, Any] | None = None
    config_started_task: str | None = None
    """The task that droplearn.yaml's `train:` section has started last."""
    config_started_digest: str | None = None
    """What that task was started for: content and settings. The same again starts nothing."""
    config_start_problem: dict[str, Any] | None = None
    """Why the `train:` section could not start a task (ConfigProblem)."""
    quiet_token: str | None = None
    """The one delayed message that may end the quiet period; None: none is under way."""
    quiet_until: int | None = None
    """Unix time after which that message counts as lost."""
    health: dict[str, Any] | None = None
    """Essentials of the newest HealthReport."""
    updated_at: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A project's datasets by name."""
        return datasets_of(self.project), self.name


def datasets_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#DATASETS"


@dataclass(frozen=True)
class DatasetCounts:
    """The sum of a dataset's counter shards."""

    labels: dict[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    annotations: int = 0
    """Objects that annotate others."""
    tables: int = 0
    """Objects that hold many examples with their labels."""
    skipped: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    """Of all but skipped objects."""
    last_event_at: str | None = None
    content: int = 0
    """Order-free fingerprint of (path, etag, label) of all labelled examples, annotations and tables: the same content, the same number."""

    @property
    def labelled(self) -> int:
        """Examples with a label."""
        return sum(self.labels.values())

    @property
    def is_trainable(self) -> bool:
        """Whether anything has a label."""
        return self.labelled + self.annotations + self.tables > 0

    @property
    def objects(self) -> int:
        """All that were indexed."""
        return self.labelled + self.unlabelled + self.annotations + self.tables + sum(self.skipped.values())
