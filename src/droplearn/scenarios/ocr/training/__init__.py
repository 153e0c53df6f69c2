"""Training of OCR: `train(context)`. The way from top to bottom is in recipe.py."""

from droplearn.scenarios.ocr.training.recipe import train

__all__ = ["train"]
