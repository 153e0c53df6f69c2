"""scikit-learn's handwritten digits (1,797 pictures of 8 x 8, UCI ML repository, CC BY 4.0) as PNG folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write_digits(folder: Path, first: int, count: int, side_px: int = 64) -> int:
    """Pictures `first` to `first + count` as `<folder>/<digit>/<number>.png`; returns how many."""
    data = load_digits()
    chosen = range(first, min(first + count, len(data.target)))
    for number in chosen:
        target = folder / str(data.target[number]) / f"{number:04d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        grey = (255 - data.images[number] * (255 / 16)).astype(np.uint8)
        Image.fromarray(grey).resize((side_px, side_px), Image.Resampling.BICUBIC).save(target)
    return len(chosen)
