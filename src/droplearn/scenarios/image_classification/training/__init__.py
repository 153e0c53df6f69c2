"""Training of image classification: `train(context)`. The recipe and what it reaches: docs/explanation/learning-recipe.md."""

from droplearn.scenarios.image_classification.training.recipe import train

__all__ = ["train"]
