"""The two networks a training starts from: PP-OCRv6 small, as rapidocr packs it, or those of the base model."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from droplearn.contracts.errors import InternalError
from droplearn.scenarios.learning import BaseModelSource
from droplearn.scenarios.ocr.model_files import DETECTOR_FILE, RECOGNISER_FILE

_PACKED = {DETECTOR_FILE: "PP-OCRv6_det_small.onnx", RECOGNISER_FILE: "PP-OCRv6_rec_small.onnx"}


@dataclass(frozen=True)
class Networks:
    """ONNX files as bytes: they become files of the model. `is_tuned`: the recogniser has learnt from some dataset."""

    detector: bytes
    recogniser: bytes
    is_tuned: bool = False


def starting_networks(base: BaseModelSource | None) -> Networks:
    """The base model's where it has them. Raises InternalError (`training.no_networks`) when rapidocr is not installed."""
    packed = packed_networks()
    if base is None or not (base.folder / RECOGNISER_FILE).exists():
        return packed
    recogniser = (base.folder / RECOGNISER_FILE).read_bytes()
    return Networks(packed.detector, recogniser, is_tuned=recogniser != packed.recogniser)


def packed_networks() -> Networks:
    """As they come; rapidocr itself is not imported."""
    found = find_spec("rapidocr")
    if found is None or not found.submodule_search_locations:
        raise InternalError(
            "training.no_networks", "The package rapidocr is not installed.", hint="Install droplearn[training,networks,ocr]."
        )
    folder = Path(found.submodule_search_locations[0]) / "models"
    return Networks((folder / _PACKED[DETECTOR_FILE]).read_bytes(), (folder / _PACKED[RECOGNISER_FILE]).read_bytes())
