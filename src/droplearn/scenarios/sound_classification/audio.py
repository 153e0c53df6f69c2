"""From the bytes of a sound file to samples of one channel at one rate. Trainer and server both use this file, so they cannot differ.

Bytes are hostile until decoded: the format is judged from the first bytes, rate and channels from the header, and whatever the header
promises, no more than `max_seconds` are decoded, a second at a time.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.answering import UndecodableInput

SAMPLE_RATE = 32_000
"""Of all that follows, in Hz: keeps what most microphones record (up to 16 kHz)."""

Samples = NDArray[np.float32]
"""(T,), one channel."""
Remark = Literal["silent", "clipping", "too_long", "cut_off", "wrong_extension"]
"""What a sound is used in spite of."""

_SIGNATURES = ((b"RIFF", "wav"), (b"RF64", "wav"), (b"fLaC", "flac"), (b"OggS", "ogg"), (b"ID3", "mp3"))
_MIN_RATE, _MAX_RATE = 1_000, 384_000
_SILENCE, _FULL_SCALE = 1e-4, 0.999
_CLIPPED_SHARE = 1e-3
_USABLE_SHARE, _WHOLE_SHARE = 0.5, 0.99
"""Of the promised length: a file with less than the first is damaged, one with less than the second cut off."""


class UndecodableSound(UndecodableInput):
    """These bytes are no usable sound. `code` is stable, the message is for people."""

    def __init__(self, code: Literal["corrupt", "too_large", "wrong_format", "too_short"], message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class SoundLimits:
    """What is refused, and how much of a long sound is read."""

    max_bytes: int = 100 * 1024 * 1024
    max_channels: int = 32
    min_seconds: float = 0.05
    max_seconds: float = 300.0


DEFAULT_LIMITS = SoundLimits()


class Sound(NamedTuple):
    """`samples` at SAMPLE_RATE; `seconds` that were read; `rate` and `kind` (`wav`, `flac`, `ogg`, `mp3`) of the file."""

    samples: Samples
    seconds: float
    rate: int
    kind: str
    remarks: tuple[Remark, ...]


def decode(raw: bytes, limits: SoundLimits = DEFAULT_LIMITS) -> Sound:
    """All channels averaged, at SAMPLE_RATE.

    Raises:
        UndecodableSound: `too_large`, `too_short`, `wrong_format`, `corrupt`.
    """
    if len(raw) > limits.max_bytes:
        raise UndecodableSound("too_large", f"The file has {len(raw):,} bytes; the limit is {limits.max_bytes:,}.")
    kind = sniff(raw)
    try:
        return _decode(raw, kind, limits)
    except (UndecodableSound, MemoryError):
        raise
    except Exception as error:  # the decoder raises several types on hostile bytes; each means the same
        raise UndecodableSound("corrupt", f"The {kind} file is damaged: {error}") from error


def sniff(raw: bytes) -> str:
    """The kind of file by its first bytes. Raises UndecodableSound (`wrong_format`)."""
    for signature, kind in _SIGNATURES:
        if raw.startswith(signature):
            return kind
    if len(raw) > 3 and raw[0] == 0xFF and raw[1] & 0xE6 in (0xE2, 0xE4, 0xE6):  # 11 bits of sync, layer III, II or I
        return "mp3"
    raise UndecodableSound("wrong_format", f"Not one of WAV, FLAC, Ogg, MP3: the file starts with {raw[:4].hex(' ') or 'nothing'}.")


def _decode(raw: bytes, kind: str, limits: SoundLimits) -> Sound:
    import soundfile

    with soundfile.SoundFile(io.BytesIO(raw)) as file:
        rate = _checked_rate(file, limits)
        promised, most = _promised_frames(raw, file), int(limits.max_seconds * rate)
        reader = _Reader(file, most)
        samples = _resampled(reader.blocks(), rate)
        is_mp3 = file.subtype.startswith("MPEG")
    seconds, wanted = reader.frames / rate, min(promised, most)
    if reader.frames < _USABLE_SHARE * wanted:
        raise UndecodableSound("corrupt", f"The {kind} file is cut off: {seconds:.2f} s of {promised / rate:.2f} s are there.")
    if seconds < limits.min_seconds:
        raise UndecodableSound("too_short", f"The sound lasts {seconds * 1000:.0f} ms; it needs at least {limits.min_seconds * 1000:.0f}.")
    if not np.isfinite(samples).all():
        raise UndecodableSound("corrupt", f"The {kind} file has samples that are no numbers.")
    remarks = _remarks(reader, is_long=promised > most, is_cut=reader.frames < _WHOLE_SHARE * wanted)
    return Sound(samples, seconds, rate, "mp3" if is_mp3 else kind, remarks)


def _checked_rate(file: Any, limits: SoundLimits) -> int:
    rate, channels = int(file.samplerate), int(file.channels)
    if not _MIN_RATE <= rate <= _MAX_RATE:
        raise UndecodableSound("corrupt", f"The header tells a rate of {rate:,} Hz.")
    if channels > limits.max_channels:
        raise UndecodableSound("too_large", f"The sound has {channels} channels; the limit is {limits.max_channels}.")
    return rate


def _promised_frames(raw: bytes, file: Any) -> int:
    """As the header tells; a WAV file's decoder corrects it silently, so its chunk sizes are looked at."""
    told = int.from_bytes(raw[4:8], "little") + 8
    is_streamed = told >= 0x7FFF0000 or told <= 8  # sizes that were not known when the header was written
    if not raw.startswith(b"RIFF") or is_streamed or told <= len(raw):
        return int(file.frames)
    return int(file.frames * told / len(raw))


class _Reader:
    """Reads a second at a time; knows the peak and how much is at full scale."""

    def __init__(self, file: Any, wanted: int) -> None:
        self._file, self._wanted = file, wanted
        self.frames, self.peak, self.clipped = 0, 0.0, 0

    def blocks(self) -> Iterator[Samples]:
        """The mean of the channels. A damaged end counts as the end."""
        while self.frames < self._wanted:
            try:
                block = self._file.read(min(self._file.samplerate, self._wanted - self.frames), dtype="float32", always_2d=True)
            except RuntimeError:
                if self.frames:
                    return
                raise
            if not len(block):
                return
            self.frames += len(block)
            loudness = np.abs(block).max(axis=1)
            self.peak = max(self.peak, float(loudness.max()))
            self.clipped += int((loudness >= _FULL_SCALE).sum())
            yield block.mean(axis=1)


def _resampled(blocks: Iterator[Samples], rate: int) -> Samples:
    if rate == SAMPLE_RATE:
        return np.concatenate([np.zeros(0, np.float32), *blocks])
    import soxr

    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    parts = [stream.resample_chunk(np.ascontiguousarray(block)) for block in blocks]
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)


def _remarks(reader: _Reader, *, is_long: bool, is_cut: bool) -> tuple[Remark, ...]:
    found: tuple[tuple[Remark, bool], ...] = (
        ("silent", reader.peak < _SILENCE),
        ("clipping", reader.clipped > _CLIPPED_SHARE * reader.frames),
        ("too_long", is_long),
        ("cut_off", is_cut),
    )
    return tuple(name for name, is_so in found if is_so)
