"""Altered versions of a sound, which a model should give the same label: faster or slower, in noise, through another microphone, shifted.

Deterministic for a seed. Features of such versions teach a head what does not matter; they are never scored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.sound_classification.audio import SAMPLE_RATE, Samples

_LARGEST_SPEED = 0.12
_LOUDEST_NOISE_DB, _FAINTEST_NOISE_DB = 8.0, 35.0
_STEEPEST_TILT_DB = 10.0
"""Of the spectrum, between its ends."""


def altered(samples: Samples, seed: Sequence[int]) -> Samples:
    """Changed in every way at once."""
    random = np.random.default_rng(list(seed))
    changed = _at_speed(samples, float(np.exp(random.uniform(-_LARGEST_SPEED, _LARGEST_SPEED))))
    changed = _tilted(changed, float(random.uniform(-_STEEPEST_TILT_DB, _STEEPEST_TILT_DB)))
    changed = np.roll(changed, int(random.integers(len(changed))) if random.random() < 0.5 else 0)
    loudness = float(np.sqrt(np.mean(changed**2)))
    noise_db = float(random.uniform(_LOUDEST_NOISE_DB, _FAINTEST_NOISE_DB))
    noise = _tilted(random.standard_normal(len(changed), np.float32), float(random.uniform(-40, 0)))
    noise *= loudness * 10 ** (-noise_db / 20) / max(float(np.sqrt(np.mean(noise**2))), 1e-9)
    mixed: Samples = (changed + noise).astype(np.float32)
    return mixed


def _at_speed(samples: Samples, speed: float) -> Samples:
    """Higher and shorter, or lower and longer."""
    places = np.arange(max(1, int(len(samples) / speed))) * speed
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def _tilted(samples: Samples, tilt_db: float) -> Samples:
    """Louder towards one end of the spectrum, evenly on a logarithmic frequency axis from 50 Hz up."""
    size = 1 << (len(samples) - 1).bit_length()  # other lengths cost many times as much
    spectrum = np.fft.rfft(samples, size)
    spectrum *= np.exp(np.float32(tilt_db / 20 * math.log(10)) * _height(size))
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)


@lru_cache(maxsize=4)
def _height(size: int) -> NDArray[np.float32]:
    """Of each frequency on the logarithmic axis: 0 at 50 Hz and below, 1 at half the rate."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 50) / 50)
    return (octaves / octaves[-1]).astype(np.float32)
