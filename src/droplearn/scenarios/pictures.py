"""From the bytes of a picture to upright RGB pixels, for every scenario that looks at pictures. Trainer and server both use this file.

Bytes are hostile until decoded: size and format are judged from the header, before any pixel is made.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Importing a plugin registers its format: the four of `_SIGNATURES`, and no other, may ever be tried.
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from droplearn.scenarios.answering import UndecodableInput

Pixels = NDArray[np.uint8]
"""(H, W, 3), RGB, 0 to 255."""

_SIGNATURES = {"JPEG": (0, b"\xff\xd8\xff"), "PNG": (0, b"\x89PNG\r\n\x1a\n"), "BMP": (0, b"BM"), "WEBP": (8, b"WEBP")}
_ORIENTATION_TAG = 0x0112
_AS_SHOWN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> the turn that shows the picture upright. Source: CIPA DC-008, tag 0x0112."""


class UndecodableImage(UndecodableInput):
    """These bytes are no usable picture. `code` is stable, the message is for people."""

    def __init__(self, code: Literal["corrupt", "too_large", "wrong_format", "too_small"], message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ImageLimits:
    """What is refused before a pixel is decoded. `max_pixels` bounds memory: 3 to 4 bytes each."""

    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000
    min_side_px: int = 8


DEFAULT_LIMITS = ImageLimits()


class DecodedImage(NamedTuple):
    """`height` and `width` are those of the picture as a viewer shows it; `pixels` may be smaller (see `decode`)."""

    pixels: Pixels
    height: int
    width: int


class UprightImage(NamedTuple):
    """As DecodedImage; `image` is RGB."""

    image: Image.Image
    height: int
    width: int


def decode(raw: bytes, *, limits: ImageLimits = DEFAULT_LIMITS, short_side: int | None = None) -> DecodedImage:
    """RGB pixels, turned upright; transparency on white; of an animation the first frame.

    short_side: big JPEGs may be decoded at 1/2, 1/4 or 1/8 as long as the short side keeps this many pixels (DCT scaling: much faster).

    Raises:
        UndecodableImage: `too_large`, `too_small`, `wrong_format`, `corrupt` (truncated files too).
    """
    picture = decode_image(raw, limits=limits, short_side=short_side)
    return DecodedImage(np.asarray(picture.image), picture.height, picture.width)


def decode_image(raw: bytes, *, limits: ImageLimits = DEFAULT_LIMITS, short_side: int | None = None) -> UprightImage:
    """As `decode`, for those who go on with Pillow."""
    if len(raw) > limits.max_bytes:
        raise UndecodableImage("too_large", f"The file has {len(raw):,} bytes; the limit is {limits.max_bytes:,}.")
    file_format = _sniff(raw)
    try:
        return _decode(raw, file_format, limits, short_side)
    except (UndecodableImage, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UndecodableImage("too_large", f"The picture has more than {limits.max_pixels:,} pixels.") from error
    except UnidentifiedImageError as error:  # its text is about an object of Python's
        raise UndecodableImage("corrupt", f"The {file_format} file is damaged or cut off: its header makes no sense.") from error
    except Exception as error:  # Pillow raises a dozen types on hostile bytes; each means the same
        raise UndecodableImage("corrupt", f"The {file_format} file is damaged or cut off: {error}") from error


def _sniff(raw: bytes) -> str:
    for name, (offset, signature) in _SIGNATURES.items():
        if raw.startswith(signature, offset):
            return name
    raise UndecodableImage("wrong_format", f"Not one of {', '.join(_SIGNATURES)}: the file starts with {raw[:4].hex(' ') or 'nothing'}.")


def _decode(raw: bytes, file_format: str, limits: ImageLimits, short_side: int | None) -> UprightImage:
    with Image.open(io.BytesIO(raw), formats=[file_format]) as image:
        width, height = image.size
        _check_size(width, height, limits)
        if short_side:
            image.draft(None, (short_side, short_side))
        image.load()
        turn = _AS_SHOWN.get(_orientation(image))
        upright = _to_rgb(image)
    if turn is not None:
        upright = upright.transpose(turn)
        if turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE):
            width, height = height, width
    return UprightImage(upright, height, width)


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if width * height > limits.max_pixels:
        raise UndecodableImage("too_large", f"The picture is {width} x {height} pixels; the limit is {limits.max_pixels:,} in all.")
    if min(width, height) < limits.min_side_px:
        raise UndecodableImage("too_small", f"The picture is {width} x {height} pixels; each side needs at least {limits.min_side_px}.")


def _orientation(image: Image.Image) -> int:
    """1 (as stored) when the EXIF block is missing or damaged: viewers show such pictures as they are."""
    if not (image.info.keys() & {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 (as in `decode`; the pixels are fine)
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion clips at 255
        high_bytes = (np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8)
        return Image.fromarray(high_bytes).convert("RGB")
    if image.has_transparency_data:
        layered = image if image.mode == "RGBA" else image.convert("RGBA")
        shown = Image.new("RGB", image.size, "white")
        shown.paste(layered, mask=layered)
        return shown
    return image.convert("RGB")
