"""What goes with an exported model: README.md for people, and labels. Pure text."""

from __future__ import annotations

from chalicelib.domain.model import Model
from droplearn.contracts.model import ModelManifest, TensorSpec
from droplearn.scenarios.scenario import ScenarioSpec


def readme(model: Model, manifest: ModelManifest, spec: ScenarioSpec, use: str) -> str:
    """A model card: what it is, how good it is and on what, what it takes and gives. `use`: how this form of it is run."""
    metrics, protocol = model.evaluation_metrics, model.evaluation_protocol
    if not metrics:
        metrics, protocol = model.metrics, model.metrics_protocol
    parts = [
        f"# {model.project} #{model.number}\n\n{spec.title}: {spec.description}",
        f"## Use\n\n{use}",
        _table(
            "Figures", f"Measured by {(protocol or '').replace('_', ' ')}.", [(name, f"{value:.4f}") for name, value in metrics.items()]
        ),
        _table("Tensors", "", [(f"{kind} `{t.name}`", _shape(t)) for kind, t in _tensors(manifest)]),
        _table(
            "Origin",
            "",
            [
                ("model", model.id),
                ("made", model.created_at),
                ("dataset", f"{model.dataset}, version {model.dataset_version}"),
                ("preset", model.preset),
                ("network", str(manifest.preprocessing.get("network", "-"))),
                ("droplearn", manifest.code_version),
            ],
        ),
        f"## Labels\n\n{len(manifest.labels)}, in the order of the output, in `labels.json`.",
    ]
    if manifest.warnings:
        parts.append("## Mind\n\n" + "\n".join(f"- {warning}" for warning in manifest.warnings))
    return "\n\n".join(parts) + "\n"


def _tensors(manifest: ModelManifest) -> list[tuple[str, TensorSpec]]:
    return [("input", t) for t in manifest.inputs] + [("output", t) for t in manifest.outputs]


def _shape(tensor: TensorSpec) -> str:
    return f"{tensor.dtype} {tensor.shape} ({tensor.axes}; -1: any)"


def _table(title: str, text: str, rows: list[tuple[str, str]]) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## {title}\n\n{text}{chr(10) * 2 if text else ''}| | |\n|---|---|\n{lines}"
