"""SageMaker's folders. SAGEMAKER_BASE_DIR moves them away from /opt/ml.

Source: Amazon SageMaker AI Developer Guide, "How Amazon SageMaker AI Provides Training Information" and "Build Your Own Processing
Container".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Below one base."""

    base: Path

    @classmethod
    def from_environment(cls) -> Paths:
        """SAGEMAKER_BASE_DIR or /opt/ml."""
        return cls(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))

    @property
    def hyper_parameters(self) -> Path:
        """The training job's hyper-parameters, all strings."""
        return self.base / "input" / "config" / "hyperparameters.json"

    @property
    def resources(self) -> Path:
        """Names of the hosts that train together."""
        return self.base / "input" / "config" / "resourceconfig.json"

    @property
    def checkpoints(self) -> Path:
        """Synchronised with S3 while training runs; brought back by a restart."""
        return self.base / "checkpoints"

    @property
    def model(self) -> Path:
        """Becomes model.tar.gz."""
        return self.base / "model"

    @property
    def failure(self) -> Path:
        """Its beginning becomes FailureReason."""
        return self.base / "output" / "failure"

    def channel(self, name: str) -> Path:
        """An input channel of the training job."""
        return self.base / "input" / "data" / name

    def processing_input(self, name: str) -> Path:
        """An input of the processing job."""
        return self.base / "processing" / "input" / name

    @property
    def processing_report(self) -> Path:
        """The processing job's output."""
        return self.base / "processing" / "output" / "report"
