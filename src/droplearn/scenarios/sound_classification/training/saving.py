"""Hands models to the store: a head's, and the comparison with a base model that each of them is told with."""

from __future__ import annotations

from collections.abc import Sequence

from droplearn.contracts.model import Candidate, StopReason
from droplearn.networks.onnx_graph import add_classifier
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.held_out import HeldOut, compare
from droplearn.scenarios.sound_classification.feature_graph import features_graph
from droplearn.scenarios.sound_classification.training.drafts import Network, Remarks, make_draft
from droplearn.scenarios.sound_classification.training.first_stage import Material
from droplearn.scenarios.sound_classification.training.heads import FittedHead
from droplearn.scenarios.sound_classification.windows import WindowShape


def save_head(
    context: TrainingContext,
    material: Material,
    head: FittedHead,
    candidates: Sequence[Candidate],
    stop_reason: StopReason,
    *,
    is_final: bool,
) -> None:
    """A model of the frozen networks and a head."""
    features = features_graph(material.network, material.size, head.parts)
    network = Network(
        graph=add_classifier(features, head.head.weight, head.head.bias, head.temperature),
        shape=WindowShape(material.size),
        temperature=head.temperature,
        about={"network": material.network, "parts": list(head.parts)},
    )
    held_out = HeldOut(head.held_out, head.probabilities, "cross_validation", head.metrics)
    save(context, material, network, held_out, candidates, stop_reason, is_final=is_final)


def save(
    context: TrainingContext,
    material: Material,
    network: Network,
    held_out: HeldOut,
    candidates: Sequence[Candidate],
    stop_reason: StopReason,
    *,
    is_final: bool,
) -> None:
    """Any model; the old labels are compared where it continues from another."""
    comparison, fallen = compare(context, material.data, held_out)
    remarks = Remarks(stop_reason, candidates, (*material.warnings, *fallen), comparison)
    context.store.save(make_draft(network, material.data, held_out, remarks), is_final=is_final)
