"""What OCR is compared with: rapidocr as it comes, and a plain classifier of its lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.ocr.annotated import AnnotationReader
from droplearn.scenarios.ocr.conventions import Conventions, learn_conventions
from droplearn.scenarios.ocr.fields.layout import TextLine
from droplearn.scenarios.ocr.fields.values import parts
from droplearn.scenarios.ocr.measures import PageResult, field_scores, macro_f1
from droplearn.scenarios.ocr.reading.detector import Detector
from droplearn.scenarios.ocr.reading.pages import decode_page
from droplearn.scenarios.ocr.reading.reader import Reader
from droplearn.scenarios.ocr.reading.recogniser import Recogniser
from droplearn.scenarios.ocr.records import PageRecord, line_results, make_record, truth_of
from droplearn.scenarios.ocr.spec import SPEC
from droplearn.scenarios.ocr.training.field_fitting import find_fields
from droplearn.scenarios.ocr.training.networks import packed_networks
from droplearn.scenarios.ocr.training.reading_stage import PageCache


def read_all(folder: Path, version: DatasetVersion, examples: Sequence[VersionExample], cache: Path, preset: str) -> Path:
    """Reads all pages with the untouched networks, as a trainer with default settings does, into a file that it can go on from."""
    networks, annotations, side = (
        packed_networks(),
        AnnotationReader(ExampleSource(version, examples, folder)),
        SPEC.presets[preset].input_size,
    )
    reader = Reader(Detector(networks.detector, side), Recogniser(networks.recogniser))
    pages = PageCache.open(cache, (networks.detector, networks.recogniser), side, 0.5)
    missing = [e for e in examples if (e.etag, e.path) not in pages.records]
    for record in in_threads(lambda e: make_record(e, annotations.read(e), reader), missing, lambda: None):
        pages.add(record)
    return pages.file


class NGramPeer:
    """scikit-learn's logistic regression with its defaults on character n-grams of single lines; the lines of a field joined."""

    def __init__(self, file: Path, examples: Sequence[VersionExample]) -> None:
        records = {record.path: record for record in map(PageRecord.from_dict, map(json.loads, file.read_text("utf-8").splitlines()))}
        self._train = [records[e.path] for e in examples if e.split != "test"]
        self.test_records = [records[e.path] for e in examples if e.split == "test"]
        self.conventions = learn_conventions(line.text for record in self._train for line in record.annotated)

    def macro_f1(self, *, is_given: bool) -> float:
        """On the test pages, learnt from the same kind of lines."""
        fields = find_fields(self._train, None)
        if not fields:
            return 0.0
        kinds = {f.name: f.kind for f in fields}
        results = []
        for record in self.test_records:
            truth = truth_of(record, fields, self.conventions)
            layout = truth.given if is_given else truth.read
            found = {}
            if layout.lines:
                tags = self._model(is_given).predict([line.text for line in layout.lines])
                for number, wanted in enumerate(fields, start=1):
                    texts = [line.text for line, tag in zip(layout.lines, tags, strict=True) if tag == number]
                    pieces = [piece for text in texts for piece in parts(wanted.kind, text)]
                    if pieces:
                        found[wanted.name] = " ".join(pieces) if wanted.kind == "text" else pieces[0]
            results.append(PageResult(record.path, record.split, False, (), truth.values, found))
        return macro_f1(field_scores(results, kinds, lambda page: page.found))

    def _model(self, is_given: bool):  # type: ignore[no-untyped-def]
        return self._models[is_given]

    @cached_property
    def _models(self):  # type: ignore[no-untyped-def]
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        fields, models = find_fields(self._train, None), {}
        for is_given in (False, True):
            texts, labels = [], []
            for record in self._train:
                truth = truth_of(record, fields, self.conventions)
                layout = truth.given if is_given else truth.read
                texts += [line.text for line in layout.lines]
                labels += (truth.given_labels if is_given else truth.read_labels).tolist()
            pipeline = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), LogisticRegression(C=10, max_iter=500))
            models[is_given] = pipeline.fit(texts, labels)
        return models


def rapidocr_lines(records: Sequence[PageRecord], conventions: Conventions, folder: Path, cache: Path) -> float:
    """`line_accuracy_end_to_end` of rapidocr with its defaults on these pages."""
    file = cache / "rapidocr.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    engine = None
    for record in records:
        if record.path not in known:
            from rapidocr import RapidOCR

            engine = engine or RapidOCR(params={"Global.log_level": "error"})
            page = decode_page((folder / record.path).read_bytes())
            rows, columns = page.pixels.shape[:2]
            found = engine(np.ascontiguousarray(page.pixels[:, :, ::-1]))
            boxes = found.boxes if found.boxes is not None else []
            known[record.path] = [
                [text, *(box.min(axis=0) / (columns, rows)).tolist(), *(box.max(axis=0) / (columns, rows)).tolist()]
                for box, text in zip(boxes, found.txts or [], strict=True)
            ]
            file.write_text(json.dumps(known))
    lines = [
        line
        for record in records
        for line in line_results(replace(record, read=tuple(TextLine(*t) for t in known[record.path])), conventions)
    ]
    return sum(line.is_found for line in lines) / max(1, len(lines))
