"""Training of tabular prediction: `train(context)`."""

from droplearn.scenarios.tabular_prediction.training.recipe import train

__all__ = ["train"]
