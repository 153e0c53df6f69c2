"""Training of object detection: `train(context)`. The recipe: README.md of the scenario."""

from droplearn.scenarios.object_detection.training.recipe import train

__all__ = ["train"]
