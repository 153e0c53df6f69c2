"""Training of sound classification: `train(context)`. The recipe and what it reaches: README.md of the scenario."""

from droplearn.scenarios.sound_classification.training.recipe import train

__all__ = ["train"]
