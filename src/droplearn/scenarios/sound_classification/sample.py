"""A dataset made from numbers alone: sounds that a model can tell apart within seconds. For templates, demos and tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ("beep", "chirp", "knock")
_RATES = (16_000, 22_050, 44_100)
Signal = NDArray[np.floating[Any]]


def sound(label: str, seed: int, seconds: float = 1.0, kind: str = "WAV") -> bytes:
    """A file of that label, another one for each seed: pitch, place, rate, loudness and noise differ. kind: WAV, FLAC, OGG, MP3."""
    import soundfile

    random = np.random.default_rng([seed, sum(map(ord, label))])
    rate = int(random.choice(_RATES))
    samples = _signal(label, random, rate, seconds) * random.uniform(0.2, 0.9)
    samples = samples + random.normal(0, 10 ** random.uniform(-3.5, -2), len(samples))
    written = io.BytesIO()
    soundfile.write(written, samples.clip(-1, 1), rate, format=kind)
    return written.getvalue()


def write_sample(folder: Path, seed: int = 0, per_label: int = 8) -> Path:
    """`<folder>/<label>/<n>.wav`; every fourth one FLAC."""
    for label in LABELS:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(per_label):
            kind = "FLAC" if number % 4 == 3 else "WAV"
            (folder / label / f"{number}.{kind.lower()}").write_bytes(sound(label, seed + number, kind=kind))
    return folder


def _signal(label: str, random: np.random.Generator, rate: int, seconds: float) -> Signal:
    """(T,) within [-1, 1]. An unknown label hums."""
    time = np.arange(int(rate * seconds)) / rate
    pitch = float(random.uniform(500, 1200))
    if label == "beep":
        return _shaped(np.sin(2 * np.pi * pitch * time), time, random, 0.3)
    if label == "chirp":
        sweep = pitch * time + random.uniform(2500, 4500) * time**2 / seconds
        return _shaped(np.sin(2 * np.pi * sweep), time, random, 0.4)
    if label == "knock":
        knocks = sum(np.exp(-np.maximum(time - at, 0) * 60) * (time >= at) for at in random.uniform(0, 0.8 * seconds, 4))
        return np.asarray(random.normal(0, 0.5, len(time)) * knocks).clip(-1, 1)
    return np.sin(2 * np.pi * pitch / 8 * time)


def _shaped(tone: Signal, time: Signal, random: np.random.Generator, width_s: float) -> Signal:
    """Fades in and out around a random moment."""
    centre = float(random.uniform(0.3, 0.7)) * time[-1]
    return tone * np.exp(-(((time - centre) / width_s) ** 2))
