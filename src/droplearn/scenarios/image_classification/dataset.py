"""Layout D-4: `label/picture.jpg`, unlabelled pictures at the root. Judged by the path alone; bytes are checked in the trainer."""

from __future__ import annotations

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.image_classification.spec import SPEC
from droplearn.scenarios.scenario import Recognised

_JUNK_FOLDERS = {"__MACOSX", ".ipynb_checkpoints"}
MAX_LABEL_BYTES = 200


def recognise(path: str, size_bytes: int) -> Recognised:
    """Folders between the label and the file are allowed (`cat/2024/a.jpg` is a cat): the first one is the label."""
    *folders, name = path.split("/")
    if reason := _reason_to_skip(folders, name, size_bytes):
        return Recognised(ExampleStatus.SKIPPED, reason=reason)
    if not folders:
        return Recognised(ExampleStatus.UNLABELLED)
    return Recognised(ExampleStatus.LABELLED, label=folders[0])


def _reason_to_skip(folders: list[str], name: str, size_bytes: int) -> str | None:
    if name == "":
        return "folder_marker"
    if _JUNK_FOLDERS & set(folders):
        return "system_folder"
    if name.startswith(".") or any(f.startswith(".") for f in folders):
        return "hidden_file"
    if not name.lower().endswith(tuple(SPEC.file_extensions)):
        return "not_an_image"
    if size_bytes == 0:
        return "empty_file"
    if size_bytes > SPEC.limits.max_object_bytes:
        return "file_too_large"
    if folders and (not folders[0].strip() or len(folders[0].encode()) > MAX_LABEL_BYTES):
        return "bad_label"
    return None


def check(version: DatasetVersion) -> list[str]:
    """Raises InvalidDataset: `dataset.empty`, `dataset.one_label`, `dataset.too_few_examples`. Returns warnings (D-5)."""
    counts, limits = version.label_counts, SPEC.limits
    if not counts:
        raise InvalidDataset(
            "dataset.empty",
            f"Dataset {version.dataset!r} has no labelled pictures.",
            hint="Drop pictures into one folder per label: <project>/<dataset>/<label>/<picture>.jpg",
        )
    if len(counts) < limits.min_labels:
        raise InvalidDataset(
            "dataset.one_label",
            f"Dataset {version.dataset!r} has only the label {next(iter(counts))!r}.",
            hint="Classification needs at least two labels: add a second folder.",
        )
    few = {label: n for label, n in counts.items() if n < limits.min_examples_per_label}
    if few:
        raise InvalidDataset(
            "dataset.too_few_examples",
            f"Too few pictures of: {', '.join(f'{label} ({n})' for label, n in few.items())}.",
            hint=f"Every label needs at least {limits.min_examples_per_label} pictures, better {limits.recommended_examples_per_label}.",
            details={"labels": few},
        )
    return _warnings(counts)


def _warnings(counts: dict[str, int]) -> list[str]:
    wanted = SPEC.limits.recommended_examples_per_label
    sparse = [label for label, n in counts.items() if n < wanted]
    told = []
    if sparse:
        shown = ", ".join(sparse[:5]) + (", ..." if len(sparse) > 5 else "")
        told.append(f"{len(sparse)} of {len(counts)} labels have fewer than {wanted} pictures: {shown}")
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] >= 5 * counts[least]:
        told.append(f"The labels are unbalanced: {counts[most]} pictures of {most}, {counts[least]} of {least}.")
    return told
