"""What is where in a picture? `python predict.py PICTURE ...`; needs onnxruntime, numpy and pillow, and nothing of droplearn."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

FOLDER = Path(__file__).parent
THRESHOLD, MOST_OVERLAP = 0.3, 0.6


def overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes: left, top, right, bottom."""
    sides = (np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])).clip(0)
    return float(sides.prod() / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - sides.prod()))


def main() -> None:
    """One line an object, with its box in pixels of the picture."""
    labels = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])
    size = session.get_inputs()[0].shape[1]
    for name in sys.argv[1:] or sys.exit(__doc__):
        picture = ImageOps.exif_transpose(Image.open(name)).convert("RGB")
        scale = size / max(picture.size)
        square = Image.new("RGB", (size, size), (114, 114, 114))
        square.paste(picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR))
        boxes, scores = (output[0] for output in session.run(["boxes", "scores"], {"image": np.asarray(square)[None]}))
        found: list[tuple[int, NDArray[np.float32]]] = []
        for place, label in sorted(zip(*np.nonzero(scores >= THRESHOLD), strict=True), key=lambda at: -scores[at]):
            if all(k != label or overlap(box, boxes[place]) <= MOST_OVERLAP for k, box in found):
                found.append((label, boxes[place]))
                print(f"{name}\t{labels[label]}\t{scores[place, label]:.6f}\t{[round(float(side), 1) for side in boxes[place] / scale]}")


if __name__ == "__main__":
    main()
