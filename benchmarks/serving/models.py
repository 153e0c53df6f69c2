"""The models that are served: an ImageNet classifier and a detector of drawn shapes, each as trained and in int8.

Accuracy before and after int8 is measured by the product's own optimisation on data that a model learnt: handwritten digits
(scikit-learn's, real pictures) for classification, drawn shapes for detection. What is made is kept below the benchmark's folder.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.learning.detection import annotated_version
from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import labelled_files, make_version, splits_of
from benchmarks.serving.model import SIZE, write_model
from benchmarks.serving.pictures import photo
from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.optimisation import OptimisationReport
from droplearn.contracts.training import TaskSettings

LEARNING_S, TEST_DIGITS = 150, 600


@dataclass(frozen=True)
class Served:
    """Folders of one network as trained and in int8 (None: kept aside), and what the optimisation of a learnt one said."""

    fp32: Path
    int8: Path | None
    report: OptimisationReport

    @property
    def is_classifier(self) -> bool:
        return self.report.scenario == "image_classification"


def classification(work: Path) -> Served:
    """The ImageNet head has no labelled pictures here; its int8 twin is calibrated on the benchmark's own photos."""
    fp32, int8 = write_model(work / "imagenet"), work / "imagenet-int8"
    if not (int8 / "model.json").exists():
        _quantise(fp32, int8)
    return Served(fp32, int8, _digits(work / "digits").optimisation)


def detection(work: Path) -> Served:
    """Trained on drawn shapes."""
    job = _shapes(work / "shapes")
    report = job.optimisation
    return Served(job.model, _unpacked(job) if report.variants[0].is_published else None, report)


def _quantise(fp32: Path, int8: Path) -> None:
    from droplearn.networks.quantising import read, to_int8
    from droplearn.scenarios.image_classification.pixels import prepare

    int8.mkdir(parents=True, exist_ok=True)
    samples = [{"image": prepare(photo(256, 256, 1000 + seed), SIZE).pixels[None]} for seed in range(32)]
    to_int8(read(fp32 / "model.onnx"), int8 / "model.onnx", samples, ())
    content = (int8 / "model.onnx").read_bytes()
    manifest = ModelManifest.from_json((fp32 / "model.json").read_bytes())
    changed = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    files = [file.model_copy(update=changed) for file in manifest.files]
    (int8 / "model.json").write_text(manifest.model_copy(update={"files": files, "variant": "int8"}).to_json())


def _digits(base: Path) -> LocalJob:
    from sklearn.datasets import load_digits

    folder, digits = base / "pictures", load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        (folder / f"digit_{label}").mkdir(parents=True, exist_ok=True)
        grey = Image.fromarray((pixels * 255 / 16).astype(np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
        grey.convert("RGB").save(folder / f"digit_{label}" / f"{number}.png")
    files = labelled_files(folder)
    test = np.random.default_rng(0).permutation(len(files))[:TEST_DIGITS].tolist()  # the model learns from all others in the end
    return _learnt(LocalJob(base), folder, *make_version(folder, files, splits_of(files, 0.25, 0, test), "v-digits"))


def _shapes(base: Path) -> LocalJob:
    from droplearn.scenarios.object_detection.sample import write_sample

    folder = write_sample(base / "pictures", count=240)
    return _learnt(LocalJob(base, "object_detection"), folder, *annotated_version(folder, "v-shapes", 0, 0.0, 0.4))


def _learnt(job: LocalJob, folder: Path, version: DatasetVersion, examples: list[VersionExample]) -> LocalJob:
    """Trained and optimised, each only if it has not been done yet."""
    if not (job.model / "model.json").exists():
        job.write_channel(version, examples, folder)
        job.write_request(TaskSettings(max_runtime_s=LEARNING_S), version.version_id)
        _run(job, "train")
    if not (job.base / "processing" / "output" / "report" / "optimisation.json").exists():
        job.write_optimisation(job.model, version, examples, folder, ["int8"])
        _run(job, "optimise")
    return job


def _run(job: LocalJob, command: str) -> None:
    print(f"{command} {job.base.name} ...", flush=True)
    if job.run(command) != 0:
        raise RuntimeError(job.log.read_text()[-2000:])


def _unpacked(job: LocalJob) -> Path:
    folder = job.base / "int8"
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(job.base / "processing" / "output" / "report" / "int8" / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder
