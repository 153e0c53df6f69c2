"""Dataset versions of a folder on this machine: as a list of labelled files, or as the control plane freezes a drop."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from droplearn.contracts.dataset import DatasetVersion, Split, VersionExample
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named
from droplearn.scenarios.learning.folds import make_folds

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = "image_classification"


def labelled_files(folder: Path) -> list[tuple[str, str]]:
    """(path, label) of every file below `label/`."""
    return sorted((str(f.relative_to(folder)), f.relative_to(folder).parts[0]) for f in folder.glob("*/**/*") if f.is_file())


def make_version(
    folder: Path, files: Sequence[tuple[str, str]], splits: Sequence[Split], name: str, scenario: str = SCENARIO
) -> tuple[DatasetVersion, list[VersionExample]]:
    """The etag is the content's digest, as S3's is."""
    examples = []
    for (path, label), split in zip(files, splits, strict=True):
        raw = (folder / path).read_bytes()
        etag = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        examples.append(VersionExample(path=path, label=label, split=split, etag=etag, size_bytes=len(raw)))
    version = DatasetVersion(
        version_id=name,
        project="p",
        dataset="d",
        scenario=scenario,
        source_uri="s3://data/p/d/",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        labels=sorted({label for _, label in files}),
        label_counts=dict(Counter(label for _, label in files)),
        split_counts=dict(Counter(splits)),
    )
    return version, examples


def splits_of(files: Sequence[tuple[str, str]], validation_fraction: float, seed: int, test: Iterable[int] = ()) -> list[Split]:
    """Stratified; `test`: indices that are the test split."""
    held = set(test)
    rest = [i for i in range(len(files)) if i not in held]
    labels = sorted({label for _, label in files})
    y = [labels.index(files[i][1]) for i in rest]
    import numpy as np

    folds = make_folds(np.array(y), [str(i) for i in rest], seed, max(2, round(1 / validation_fraction)))
    validation = {rest[place] for place in np.flatnonzero(folds.assigned == 0)}
    return ["test" if i in held else "validation" if i in validation else "train" for i in range(len(files))]


def freeze_folder(folder: Path, scenario: str, settings: TaskSettings | None = None) -> tuple[DatasetVersion, list[VersionExample]]:
    """What the control plane makes of a drop of this folder: the same recognition, pairing and splits."""
    let_control_plane_in()
    from chalicelib.domain.example import Example
    from chalicelib.service.freezing import freeze

    known = scenario_named(scenario)

    class Folder:
        data_bucket = "data"

        def read_all(self, project: str, dataset: str) -> Iterable[Example]:
            for path in sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()):
                raw = (folder / path).read_bytes()
                seen = known.recognise(path, len(raw))
                etag = hashlib.md5(raw, usedforsecurity=False).hexdigest()
                yield Example(path, seen.status, "0", etag, len(raw), seen.label, seen.reason)

    class Artifacts:
        def __init__(self) -> None:
            self.examples: list[VersionExample] = []

        def read(self, key: str) -> bytes | None:
            return None

        def write(self, key: str, body: bytes) -> None:
            pass

        def upload(self, key: str, file: IO[bytes]) -> None:
            if key.endswith("examples.jsonl"):
                self.examples = [VersionExample.model_validate_json(line) for line in file]

    artifacts = Artifacts()
    chosen = settings or TaskSettings()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    version = freeze(Folder(), artifacts, project="p", dataset="d", settings=chosen, scenario=scenario, now=now)  # type: ignore[arg-type]
    return version, artifacts.examples


def let_control_plane_in() -> None:
    """Its package is no part of the wheel."""
    sys.path[:0] = [] if str(ROOT / "functions") in sys.path else [str(ROOT / "functions")]
