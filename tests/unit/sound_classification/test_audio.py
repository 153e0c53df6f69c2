"""Bytes of sounds: what is read, what is refused, what is remarked."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from droplearn.scenarios.sound_classification.audio import SAMPLE_RATE, SoundLimits, UndecodableSound, decode, sniff
from droplearn.scenarios.sound_classification.sample import sound


def encode(samples: np.ndarray, rate: int = 16_000, kind: str = "WAV", **how: str) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, samples, rate, format=kind, **how)
    return written.getvalue()


def tone(seconds: float = 1.0, rate: int = 16_000, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_every_kind_and_rate_gives_the_same_length(kind: str, rate: int) -> None:
    found = decode(encode(tone(1.0, rate), rate, kind))
    assert len(found.samples) == pytest.approx(SAMPLE_RATE, abs=SAMPLE_RATE * 0.06)
    assert (found.kind, found.rate, found.remarks) == (kind.lower(), rate, ())
    assert np.abs(np.fft.rfft(found.samples)).argmax() / found.seconds == pytest.approx(440, abs=3)


def test_channels_are_averaged() -> None:
    left = tone(rate=SAMPLE_RATE)
    found = decode(encode(np.stack([left, -left, left], axis=1), SAMPLE_RATE, subtype="FLOAT"))
    assert found.samples == pytest.approx(left / 3, abs=1e-6)


def test_mp3_inside_wav_is_told_from_its_contents() -> None:
    mp3 = encode(tone(), kind="MP3")
    about = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 16_000, 4_000, 1, 0, 12, 1, 2, 144, 1, 1393)
    chunks = b"WAVEfmt " + struct.pack("<I", len(about)) + about + b"data" + struct.pack("<I", len(mp3)) + mp3
    found = decode(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    assert (found.kind, found.remarks) == ("mp3", ())
    assert found.seconds == pytest.approx(1.0, abs=0.15)
    assert sniff(mp3) == "mp3"


@pytest.mark.parametrize(
    ("samples", "remark"),
    [
        (np.zeros(16_000), "silent"),
        (np.sign(tone()) * 0.99999, "clipping"),
        (tone(4.0), "too_long"),
    ],
)
def test_odd_sounds_are_used_with_a_remark(samples: np.ndarray, remark: str) -> None:
    found = decode(encode(samples), SoundLimits(max_seconds=2.0))
    assert found.remarks == (remark,)
    assert found.seconds <= 2.0


def test_a_cut_wav_file_is_used_as_long_as_half_of_it_is_there() -> None:
    raw = encode(tone())
    assert decode(raw[: len(raw) * 3 // 4]).remarks == ("cut_off",)
    with pytest.raises(UndecodableSound) as refused:
        decode(raw[: len(raw) // 3])
    assert refused.value.code == "corrupt"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "wrong_format"),
        (b"no sound at all", "wrong_format"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "corrupt"),
        (b"fLaC" + bytes(200), "corrupt"),
        (b"OggS" + bytes(200), "corrupt"),
        (encode(tone(), kind="FLAC")[:4000], "corrupt"),
        (encode(tone(0.02)), "too_short"),
        (encode(np.zeros((800, 40))), "too_large"),
        (encode(np.full(4_000, np.nan), subtype="FLOAT"), "corrupt"),
        (encode(tone()) + bytes(20_000), "too_large"),
    ],
)
def test_unusable_bytes_are_refused_with_a_code(raw: bytes, code: str) -> None:
    with pytest.raises(UndecodableSound) as refused:
        decode(raw, SoundLimits(max_bytes=50_000))
    assert refused.value.code == code


def test_a_header_that_promises_hours_costs_no_memory() -> None:
    raw = bytearray(encode(tone(1.0, 8_000), 8_000))
    raw[40:44] = (0x7FFFFFF0).to_bytes(4, "little")  # the data chunk's size
    assert decode(bytes(raw)).seconds == pytest.approx(1.0, abs=0.1)


def test_an_absurd_rate_is_refused() -> None:
    raw = bytearray(encode(tone()))
    raw[24:28] = (4_000_000).to_bytes(4, "little")
    with pytest.raises(UndecodableSound, match="4,000,000"):
        decode(bytes(raw))


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, 3000), value=st.integers(0, 255), kind=st.sampled_from(["WAV", "FLAC", "OGG"]))
def test_a_damaged_byte_is_read_or_refused_but_nothing_else(place: int, value: int, kind: str) -> None:
    raw = bytearray(sound("beep", 1, 0.2, kind))
    raw[place % len(raw)] = value
    try:
        found = decode(bytes(raw), SoundLimits(max_seconds=2.0))
    except UndecodableSound:
        return
    assert np.isfinite(found.samples).all()
