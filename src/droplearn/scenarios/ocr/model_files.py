"""The files of a model, and how server and evaluator open them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.fields.assembling import Field
from droplearn.scenarios.ocr.fields.extractor import Extraction, Extractor, load_extractor
from droplearn.scenarios.ocr.fields.values import Kind
from droplearn.scenarios.ocr.measures import PageResult
from droplearn.scenarios.ocr.reading.detector import LONGEST_SIDE, Detector
from droplearn.scenarios.ocr.reading.reader import Reader
from droplearn.scenarios.ocr.reading.recogniser import Recogniser
from droplearn.scenarios.ocr.records import PageRecord, PageTruth, line_results

DETECTOR_FILE, RECOGNISER_FILE, HELD_OUT_FILE = "detector.onnx", "recogniser.onnx", "held_out.jsonl"
_NOTHING = Extraction({}, ())


@dataclass(frozen=True)
class OcrModel:
    """Opened once; threads share it. `extractor` is None where the model reads lines only."""

    reader: Reader
    extractor: Extractor | None
    conventions: Conventions

    @property
    def fields(self) -> tuple[Field, ...]:
        """In the order of the manifest's labels."""
        return self.extractor.fields if self.extractor is not None else ()


def load_model(folder: Path, manifest: ModelManifest) -> OcrModel:
    """Raises InvalidRequest (`model.unusable`) when files are missing."""
    roles = {file.role for file in manifest.files}
    if not {"detector", "recogniser"} <= roles:
        raise InvalidRequest("model.unusable", "This is no model of ocr: it has no detector or recogniser.", hint="Train it again.")
    told = manifest.preprocessing
    detector = Detector(folder / DETECTOR_FILE, int(told.get("longest_side", LONGEST_SIDE)))
    reader = Reader(detector, Recogniser(folder / RECOGNISER_FILE), float(told.get("min_confidence", 0.5)))
    return OcrModel(reader, load_extractor(folder), Conventions.from_dict(told))


def result_of(record: PageRecord, truth: PageTruth, extractor: Extractor | None, conventions: Conventions) -> PageResult:
    """A page that the extractor has not seen."""
    found = extractor.extract(truth.read) if extractor is not None else _NOTHING
    given = extractor.extract(truth.given) if extractor is not None else _NOTHING
    return make_result(record, truth, found, given, conventions)


def make_result(record: PageRecord, truth: PageTruth, found: Extraction, given: Extraction, conventions: Conventions) -> PageResult:
    """For the metrics, and a line of held_out.jsonl."""
    return PageResult(
        path=record.path,
        split=record.split,
        is_old=record.is_old,
        lines=line_results(record, conventions),
        values=truth.values,
        found={name: value.text for name, value in found.values.items()},
        found_given={name: value.text for name, value in given.values.items()},
        confidences={name: round(value.confidence, 4) for name, value in found.values.items()},
    )


def kinds_of(fields: Sequence[Field]) -> dict[str, Kind]:
    """By name."""
    return {f.name: f.kind for f in fields}
