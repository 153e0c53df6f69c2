"""One training as it goes on: its pages, networks, candidates, and how it reads and saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.ocr.fields.extractor import Extractor
from droplearn.scenarios.ocr.measures import PageResult
from droplearn.scenarios.ocr.model_files import kinds_of
from droplearn.scenarios.ocr.reading.detector import Detector
from droplearn.scenarios.ocr.reading.reader import Reader
from droplearn.scenarios.ocr.reading.recogniser import Recogniser
from droplearn.scenarios.ocr.records import PageRecord
from droplearn.scenarios.ocr.spec import SPEC
from droplearn.scenarios.ocr.training.comparing import compare
from droplearn.scenarios.ocr.training.drafts import Learnt, Protocol, make_draft
from droplearn.scenarios.ocr.training.examples import LearningPage
from droplearn.scenarios.ocr.training.networks import Networks
from droplearn.scenarios.ocr.training.reading_stage import PageCache, read_pages
from droplearn.scenarios.ocr.training.surveying import Survey

_MIN_CONFIDENCE = {"printed": 0.5, "handwriting": 0.3}
"""Below it a line is taken for no text; handwriting is less certain."""


@dataclass
class Training:
    """`pages`: usable ones, validation first."""

    context: TrainingContext
    pages: list[LearningPage]
    survey: Survey
    networks: Networks
    candidates: list[Candidate] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def validation(self) -> list[LearningPage]:
        """What the recogniser does not learn from; without a validation split, all."""
        return [page for page in self.pages if page.example.split == "validation"] or self.pages

    @property
    def scene(self) -> str:
        """The option: `printed` or `handwriting`."""
        return str(self.context.request.settings.options.get("scene", "printed"))

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What a server must know."""
        return {
            "scene": self.scene,
            "longest_side": SPEC.presets[self.context.request.settings.preset].input_size,
            "min_confidence": _MIN_CONFIDENCE.get(self.scene, 0.5),
            "recogniser": "tuned" if self.networks.is_tuned else "untouched",
        }

    def read(self, pages: Sequence[LearningPage], reserve_s: float = 0.0) -> list[PageRecord]:
        """With the networks as they are now. Raises StoppedEarly."""
        side, least = int(self.preprocessing["longest_side"]), float(self.preprocessing["min_confidence"])
        reader = Reader(Detector(self.networks.detector, side), Recogniser(self.networks.recogniser), least)
        cache = PageCache.open(self.context.checkpoints, (self.networks.detector, self.networks.recogniser), side, least)
        return read_pages(pages, reader, cache, self.context, reserve_s)

    def learnt(self, results: Sequence[PageResult], protocol: Protocol = "validation", extractor: Extractor | None = None) -> Learnt:
        """What there is to save now."""
        told = self.preprocessing | {"form": "fields" if extractor is not None else "lines"}
        return Learnt(self.networks, extractor, self.survey.conventions, results, protocol, told)

    def save(self, learnt: Learnt, stop_reason: StopReason, candidates: Sequence[Candidate] = (), *, is_final: bool) -> None:
        """The model that a stop leaves behind."""
        kinds = kinds_of(learnt.extractor.fields) if learnt.extractor is not None else {}
        comparison, fallen = compare(self.context, learnt.results, kinds, learnt.conventions.is_case_sensitive)
        draft = make_draft(
            learnt,
            stop_reason=stop_reason,
            candidates=[*self.candidates, *candidates],
            base_model=comparison,
            warnings=[*self.warnings, *fallen],
        )
        self.context.store.save(draft, is_final=is_final)
