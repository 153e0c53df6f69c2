"""The two presets that every scenario has, and what it must say of each."""

from __future__ import annotations

from droplearn.scenarios.scenario import PresetSpec


def high_performance(description: str, network: str, input_size: int = 0) -> dict[str, PresetSpec]:
    """Answers fast on a small machine."""
    return {"high_performance": PresetSpec(title="High performance", description=description, network=network, input_size=input_size)}


def high_accuracy(description: str, network: str, input_size: int = 0) -> dict[str, PresetSpec]:
    """Is right more often, and slower."""
    return {"high_accuracy": PresetSpec(title="High accuracy", description=description, network=network, input_size=input_size)}
