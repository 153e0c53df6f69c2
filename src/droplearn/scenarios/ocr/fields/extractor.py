"""The field model: tagger, fields with their thresholds, and its files. From the lines of a page to the values of its fields."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.ocr.fields.assembling import Field, FieldValue, best_value
from droplearn.scenarios.ocr.fields.layout import Layout
from droplearn.scenarios.ocr.fields.tagger import LinearTagger, Tagger
from droplearn.scenarios.ocr.fields.trimming import Trimmer

FIELDS_FILE, WEIGHTS_FILE = "fields.json", "fields.npz"


@dataclass(frozen=True)
class Extraction:
    """Of one page. `tags`: the field's name of each line in reading order, empty where it belongs to none."""

    values: dict[str, FieldValue]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Extractor:
    """`fields` in the order of the tagger's outputs (after the first, which is no field). `trimmers`: by field, where one was learnt."""

    fields: tuple[Field, ...]
    tagger: Tagger
    trimmers: dict[str, Trimmer]

    def extract(self, layout: Layout) -> Extraction:
        """Values whose confidence reaches the field's threshold."""
        probabilities = self.tagger.probabilities(layout)
        found = candidates(layout, probabilities, self.fields)
        values = {f.name: self.trimmed(f, found[f.name]) for f in self.fields if f.name in found}
        kept = {f.name: values[f.name] for f in self.fields if f.name in values and values[f.name].confidence >= f.threshold}
        best = probabilities.argmax(axis=1)
        return Extraction(kept, tuple(self.fields[k - 1].name if k else "" for k in best))

    def trimmed(self, wanted: Field, value: FieldValue) -> FieldValue:
        """The value without the words at its ends that are no part of it."""
        trimmer = self.trimmers.get(wanted.name)
        return value if trimmer is None else FieldValue(trimmer.trim(value.text), value.confidence, value.places)

    def to_files(self) -> dict[str, bytes]:
        """fields.json and fields.npz."""
        arrays = {
            "first.weight": self.tagger.first.weight,
            "second.weight": self.tagger.second.weight,
            "second.context": self.tagger.second.context,
        }
        arrays |= {f"trimmer.{name}.weight": trimmer.weight for name, trimmer in self.trimmers.items()}
        written = io.BytesIO()
        np.savez_compressed(written, **{name: a.astype(np.float32) for name, a in arrays.items()})  # type: ignore[arg-type]
        told = {
            "fields": [{"name": f.name, "kind": f.kind, "threshold": round(f.threshold, 4)} for f in self.fields],
            "vocabularies": {
                "first": list(self.tagger.first.vocabulary),
                "second": list(self.tagger.second.vocabulary),
                **{f"trimmer.{name}": list(trimmer.vocabulary) for name, trimmer in self.trimmers.items()},
            },
        }
        return {FIELDS_FILE: json.dumps(told, ensure_ascii=False).encode(), WEIGHTS_FILE: written.getvalue()}


def load_extractor(folder: Path) -> Extractor | None:
    """None where the model has no fields. The files' digests were checked before."""
    if not (folder / FIELDS_FILE).exists():
        return None
    told = json.loads((folder / FIELDS_FILE).read_text("utf-8"))
    with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as saved:
        arrays = {name: saved[name].astype(np.float64) for name in saved.files}
    places = {name: {token: i for i, token in enumerate(tokens)} for name, tokens in told["vocabularies"].items()}
    nothing = np.zeros((0, arrays["first.weight"].shape[1]))
    tagger = Tagger(
        LinearTagger(places["first"], arrays["first.weight"], nothing),
        LinearTagger(places["second"], arrays["second.weight"], arrays["second.context"]),
    )
    fields = tuple(Field(f["name"], f["kind"], float(f["threshold"])) for f in told["fields"])
    trimmers = {f.name: Trimmer(places[key], arrays[f"{key}.weight"]) for f in fields if (key := f"trimmer.{f.name}") in places}
    return Extractor(fields, tagger, trimmers)


def candidates(layout: Layout, probabilities: Floats, fields: Sequence[Field]) -> dict[str, FieldValue]:
    """The best value of each field, whatever its confidence."""
    found = {f.name: best_value(layout, probabilities[:, k], f.kind) for k, f in enumerate(fields, start=1)}
    return {name: value for name, value in found.items() if value is not None}
