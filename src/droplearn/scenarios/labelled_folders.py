"""Layout D-4: `label/file`, unlabelled files at the root. Judged by the path alone; bytes are checked in the trainer."""

from __future__ import annotations

from dataclasses import dataclass

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.keys import reason_to_skip
from droplearn.scenarios.scenario import Recognised, ScenarioSpec

MAX_LABEL_BYTES = 200
_UNBALANCED = 5


@dataclass(frozen=True)
class LabelledFolders:
    """The two functions of a scenario whose labels are folder names. `noun`, `nouns`: what an example is called (picture, pictures)."""

    spec: ScenarioSpec
    noun: str
    nouns: str
    wrong_kind: str
    """The reason for a file that is none (`not_an_image`)."""

    def recognise(self, path: str, size_bytes: int) -> Recognised:
        """Folders between the label and the file are allowed (`cat/2024/a.jpg` is a cat): the first one is the label."""
        limit = self.spec.limits.max_object_bytes
        reason = reason_to_skip(path, size_bytes, extensions=self.spec.file_extensions, wrong_kind=self.wrong_kind, max_bytes=limit)
        label, slash, _ = path.partition("/")
        if reason is None and slash and (not label.strip() or len(label.encode()) > MAX_LABEL_BYTES):
            reason = "bad_label"
        if reason is not None:
            return Recognised(ExampleStatus.SKIPPED, reason=reason)
        return Recognised(ExampleStatus.LABELLED, label=label) if slash else Recognised(ExampleStatus.UNLABELLED)

    def check(self, version: DatasetVersion) -> list[str]:
        """Raises InvalidDataset: `dataset.empty`, `dataset.one_label`, `dataset.too_few_examples`. Returns warnings (D-5)."""
        counts, limits, suffix = version.label_counts, self.spec.limits, self.spec.file_extensions[0]
        if not counts:
            raise InvalidDataset(
                "dataset.empty",
                f"Dataset {version.dataset!r} has no labelled {self.nouns}.",
                hint=f"Drop {self.nouns} into one folder per label: <project>/<dataset>/<label>/<{self.noun}>{suffix}",
            )
        if len(counts) < limits.min_labels:
            raise InvalidDataset(
                "dataset.one_label",
                f"Dataset {version.dataset!r} has only the label {next(iter(counts))!r}.",
                hint="Classification needs at least two labels: add a second folder.",
            )
        few = {label: n for label, n in counts.items() if n < limits.min_examples_per_label}
        if few:
            least, better = limits.min_examples_per_label, limits.recommended_examples_per_label
            raise InvalidDataset(
                "dataset.too_few_examples",
                f"Too few {self.nouns} of: {', '.join(f'{label} ({n})' for label, n in few.items())}.",
                hint=f"Every label needs at least {least} {self.nouns}, better {better}.",
                details={"labels": few},
            )
        return self._warnings(counts)

    def _warnings(self, counts: dict[str, int]) -> list[str]:
        wanted = self.spec.limits.recommended_examples_per_label
        sparse = [label for label, n in counts.items() if n < wanted]
        told = []
        if sparse:
            shown = ", ".join(sparse[:5]) + (", ..." if len(sparse) > 5 else "")
            told.append(f"{len(sparse)} of {len(counts)} labels have fewer than {wanted} {self.nouns}: {shown}")
        most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        if counts[most] >= _UNBALANCED * counts[least]:
            told.append(f"The labels are unbalanced: {counts[most]} {self.nouns} of {most}, {counts[least]} of {least}.")
        return told
