"""The four hyper-parameters of contracts/training.py with their bounds; titles, choices and recipes are the scenario's."""

from __future__ import annotations

from droplearn.scenarios.scenario import Choices


def epochs(title: str, choices: list[float], recipe: str) -> Choices:
    """How often everything is looked at."""
    return Choices(name="epochs", title=title, choices=choices, minimum=1, maximum=1000, recipe=recipe)


def learning_rate(title: str, choices: list[float], recipe: str, minimum: float = 1e-7) -> Choices:
    """How far a step goes."""
    return Choices(name="learning_rate", title=title, choices=choices, minimum=minimum, maximum=1.0, recipe=recipe)


def batch_size(title: str, choices: list[float], recipe: str) -> Choices:
    """Examples a step."""
    return Choices(name="batch_size", title=title, choices=choices, minimum=1, maximum=4096, recipe=recipe)


def warmup_epochs(title: str, choices: list[float], recipe: str) -> Choices:
    """While the learning rate rises."""
    return Choices(name="warmup_epochs", title=title, choices=choices, minimum=0, maximum=100, recipe=recipe)
