"""What does a picture show? `python predict.py PICTURE ...`; needs onnxruntime, numpy and pillow, and nothing of droplearn."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

FOLDER = Path(__file__).parent


def main() -> None:
    """One line a label, the most probable first."""
    labels = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])
    size = session.get_inputs()[0].shape[1]
    how = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))["preprocessing"].get("resample", "bicubic").upper()
    for name in sys.argv[1:] or sys.exit(__doc__):
        picture = ImageOps.exif_transpose(Image.open(name)).convert("RGB")
        kept = min(picture.size) * size / round(size / 0.875)  # the centre
        left, top = (picture.width - kept) / 2, (picture.height - kept) / 2
        square = picture.resize((size, size), Image.Resampling[how], box=(left, top, left + kept, top + kept))
        probabilities = session.run(None, {"image": np.asarray(square)[None]})[0][0]
        for k in np.argsort(-probabilities)[:5]:
            print(f"{name}\t{labels[k]}\t{probabilities[k]:.6f}")


if __name__ == "__main__":
    main()
