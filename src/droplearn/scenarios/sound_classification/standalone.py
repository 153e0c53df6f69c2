"""What is heard? `python predict.py SOUND ...`; needs onnxruntime, numpy, soundfile and soxr, and nothing of droplearn."""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import soxr

FOLDER = Path(__file__).parent
RATE, MOST_WINDOWS = 32_000, 32


def main() -> None:
    """One line a label, the most probable first."""
    labels = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    for name in sys.argv[1:] or sys.exit(__doc__):
        sound, rate = soundfile.read(name, dtype="float32", always_2d=True)
        samples = soxr.resample(sound.mean(axis=1), rate, RATE)
        samples = np.resize(samples, max(len(samples), entry.shape[1])) / max(np.abs(samples).max(), 1e-4)
        count = min(MOST_WINDOWS, -(-len(samples) // entry.shape[1]))
        starts = np.linspace(0, len(samples) - entry.shape[1], count).round().astype(int)
        windows = np.stack([samples[start : start + entry.shape[1]] for start in starts]).astype(np.float32)
        probabilities = session.run(None, {entry.name: windows})[0][0]
        for k in np.argsort(-probabilities)[:5]:
            print(f"{name}\t{labels[k]}\t{probabilities[k]:.6f}")


if __name__ == "__main__":
    main()
