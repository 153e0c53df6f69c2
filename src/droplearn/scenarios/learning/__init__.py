"""What learning scenarios share: the context they run in, and small numerics in numpy (no torch, no scikit-learn: both cost seconds to
import).
"""

from __future__ import annotations

from droplearn.scenarios.learning.context import (
    BaseModelSource,
    Deadline,
    DraftFile,
    EvaluationContext,
    EvaluationResult,
    ExampleSource,
    ModelDraft,
    ModelStore,
    ProcessGroup,
    StoppedEarly,
    TrainingContext,
    TrainingLog,
)

__all__ = [
    "BaseModelSource",
    "Deadline",
    "DraftFile",
    "EvaluationContext",
    "EvaluationResult",
    "ExampleSource",
    "ModelDraft",
    "ModelStore",
    "ProcessGroup",
    "StoppedEarly",
    "TrainingContext",
    "TrainingLog",
]
