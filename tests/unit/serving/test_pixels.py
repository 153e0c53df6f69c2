"""Whatever bytes come, `pixels` gives a right picture or UndecodableImage, and nothing else."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from droplearn.scenarios.image_classification.pixels import fit, prepare, short_side_for
from droplearn.scenarios.pictures import ImageLimits, UndecodableImage, decode
from tests.unit.serving.pictures import bomb, encode, scene

# Pillow also warns about damaged metadata. Production ignores its warnings (server/__main__.py); a warning must not decide what is refused.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

ALL_FORMATS = {
    "jpeg": encode(scene(), "JPEG"),
    "progressive jpeg": encode(scene(), "JPEG", progressive=True),
    "grey jpeg": encode(scene().convert("L"), "JPEG"),
    "cmyk jpeg": encode(scene().convert("CMYK"), "JPEG"),
    "png": encode(scene(), "PNG"),
    "palette png": encode(scene().quantize(32), "PNG"),
    "bmp": encode(scene(), "BMP"),
    "webp": encode(scene(), "WEBP"),
    "lossless webp": encode(scene(), "WEBP", lossless=True),
}


def refused(raw: bytes, **options: object) -> str:
    with pytest.raises(UndecodableImage) as caught:
        decode(raw, **options)  # type: ignore[arg-type]
    assert str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("name", ALL_FORMATS)
def test_every_allowed_format_gives_rgb_pixels_of_its_size(name: str) -> None:
    picture = decode(ALL_FORMATS[name])
    assert picture.pixels.shape == (64, 96, 3)
    assert picture.pixels.dtype == np.uint8
    assert (picture.height, picture.width) == (64, 96)


@pytest.mark.parametrize("name", [n for n in ALL_FORMATS if "grey" not in n])
def test_colours_survive_decoding(name: str) -> None:
    difference = np.abs(decode(ALL_FORMATS[name]).pixels.astype(int) - np.asarray(scene()).astype(int))
    assert difference.mean() < 16


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_every_exif_orientation_shows_the_same_upright_picture(orientation: int, file_format: str) -> None:
    stored_from_upright = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = scene() if stored_from_upright is None else scene().transpose(stored_from_upright)
    picture = decode(encode(stored, file_format, exif=exif, **({} if file_format == "PNG" else {"quality": 95})))
    assert (picture.height, picture.width) == (64, 96) == picture.pixels.shape[:2]
    assert np.abs(picture.pixels.astype(int) - np.asarray(scene()).astype(int)).mean() < 6


def test_a_damaged_exif_block_leaves_the_picture_as_stored() -> None:
    assert decode(encode(scene(), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff")).pixels.shape == (64, 96, 3)


def test_dct_scaling_keeps_the_short_side_and_tells_the_true_size() -> None:
    picture = decode(encode(scene(1600, 1200), "JPEG"), short_side=256)
    assert (picture.height, picture.width) == (1200, 1600)
    assert 256 <= min(picture.pixels.shape[:2]) < 512


def test_dct_scaling_changes_what_the_network_sees_by_little() -> None:
    raw = encode(scene(1600, 1200), "JPEG", quality=90)
    whole = fit(decode(raw).pixels, 224)
    assert np.abs(whole.astype(int) - prepare(raw, 224).pixels.astype(int)).mean() < 2


def test_prepare_is_decode_and_then_fit() -> None:
    raw = encode(scene(700, 500), "JPEG")
    halves = fit(decode(raw, short_side=short_side_for(224)).pixels, 224)
    assert np.array_equal(prepare(raw, 224).pixels, halves)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_transparent_pixels_are_white(mode: str) -> None:
    clear = Image.new("RGBA", (20, 20), (10, 200, 10, 0))
    raw = encode(clear.convert("LA") if mode in {"LA", "PA"} else clear.quantize(4) if mode == "P" else clear, "PNG")
    assert (decode(raw).pixels == 255).all()


def test_a_transparent_colour_key_is_white() -> None:
    raw = encode(Image.new("RGB", (20, 20), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    assert (decode(raw).pixels == 255).all()


def test_half_transparent_black_is_mid_grey() -> None:
    assert abs(int(decode(encode(Image.new("RGBA", (20, 20), (0, 0, 0, 128)), "PNG")).pixels.mean()) - 127) <= 1


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 32 * 32).reshape(32, 32).astype(np.uint16)
    pixels = decode(encode(Image.fromarray(ramp), "PNG")).pixels
    assert np.array_equal(pixels[..., 0], (ramp >> 8).astype(np.uint8))


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
def test_an_animation_shows_its_first_frame(file_format: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "lime")]
    raw = encode(
        frames[0],
        file_format,
        save_all=True,
        append_images=frames[1:],
        duration=50,
        **({"lossless": True} if file_format == "WEBP" else {}),
    )
    assert decode(raw).pixels[16, 16].tolist() == [255, 0, 0]


def test_other_formats_are_refused_even_though_pillow_reads_them() -> None:
    for file_format in ("GIF", "TIFF", "ICO", "PPM", "TGA"):
        assert refused(encode(scene(), file_format)) == "wrong_format"
    assert refused(b"") == "wrong_format"
    assert refused(b"<svg/>") == "wrong_format"


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    raw = bomb()
    assert len(raw) < 100_000
    assert refused(raw) == "too_large"
    assert refused(encode(scene(100, 100), "PNG"), limits=ImageLimits(max_pixels=9_999)) == "too_large"


def test_a_header_that_promises_billions_of_pixels_is_refused() -> None:
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    assert refused(b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e") == "too_large"


def test_big_files_and_tiny_pictures_are_refused() -> None:
    assert refused(ALL_FORMATS["png"], limits=ImageLimits(max_bytes=100)) == "too_large"
    assert refused(encode(scene(7, 100), "PNG")) == "too_small"


def test_a_file_that_ends_in_its_header_is_corrupt_and_the_message_is_for_people() -> None:
    with pytest.raises(UndecodableImage, match="PNG file is damaged or cut off: its header") as caught:
        decode(ALL_FORMATS["png"][:12])
    assert "object" not in str(caught.value)


def test_a_real_truncated_photo_is_corrupt() -> None:
    raw = encode(scene(640, 480), "JPEG")
    assert refused(raw[: len(raw) // 2]) == "corrupt"
    assert refused(raw[: len(raw) // 2], short_side=64) == "corrupt"


@pytest.mark.parametrize("name", ALL_FORMATS)
def test_a_file_cut_anywhere_is_refused_or_was_already_whole(name: str) -> None:
    raw, whole = ALL_FORMATS[name], decode(ALL_FORMATS[name]).pixels
    for kept in range(0, len(raw), max(1, len(raw) // 150)):
        try:
            picture = decode(raw[:kept])
        except UndecodableImage:
            continue
        assert np.array_equal(picture.pixels, whole), f"{kept} of {len(raw)} bytes gave other pixels"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", *(raw[:40] for raw in ALL_FORMATS.values())]))
def test_random_bytes_are_only_ever_refused_cleanly(noise: bytes, start: bytes) -> None:
    with suppress(UndecodableImage):
        decode(start + noise)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(ALL_FORMATS)), st.data())
def test_flipped_bytes_never_escape_as_another_error(name: str, data: st.DataObject) -> None:
    raw = bytearray(ALL_FORMATS[name])
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), min_size=1, max_size=6)):
        raw[place] = value
    with suppress(UndecodableImage):
        assert prepare(bytes(raw), 32).pixels.shape == (32, 32, 3)


@given(st.integers(8, 200), st.integers(8, 200), st.sampled_from([16, 32, 65, 224]))
@settings(max_examples=40, deadline=None)
def test_fit_gives_a_square_of_any_picture(height: int, width: int, size: int) -> None:
    assert fit(np.full((height, width, 3), 77, np.uint8), size).tolist() == np.full((size, size, 3), 77).tolist()


def test_fit_keeps_the_centre_of_the_short_side() -> None:
    pixels = np.zeros((256, 512, 3), np.uint8)
    pixels[16:240, 144:368] = 200
    assert (fit(pixels, 224) == 200).all()


def test_fit_does_not_alias_fine_patterns() -> None:
    checkerboard = (np.indices((1024, 1024)).sum(0) % 2 * 255).astype(np.uint8)
    shrunk = fit(np.repeat(checkerboard[..., None], 3, axis=2), 64).astype(int)
    assert np.abs(shrunk - 127).max() <= 4


def test_decoding_imports_no_other_format_plugin() -> None:
    code = (
        "from droplearn.scenarios.pictures import decode\nimport sys\nfrom PIL import Image\n"
        "try: decode(b'GIF89a' + bytes(50))\nexcept ValueError: pass\nprint('PIL.TiffImagePlugin' in sys.modules, len(Image.OPEN))"
    )
    source = Path(__file__).parents[3] / "src"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(source)}).stdout
    assert told.split()[0] == "False"
