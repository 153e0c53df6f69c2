"""QR codes of URLs."""

from __future__ import annotations

from io import BytesIO, StringIO

import segno


def as_svg(text: str) -> str:
    """Dark on white, whatever is around it."""
    drawn = BytesIO()
    _code(text).save(drawn, kind="svg", scale=6, light="#fff", xmldecl=False, nl=False)
    return drawn.getvalue().decode()


def as_text(text: str) -> str:
    """Half blocks, two rows a line, with the quiet zone of four modules. Light modules are drawn: white on black it is read as it is."""
    drawn = StringIO()
    _code(text).terminal(drawn, border=4, compact=True)
    return drawn.getvalue()


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m")
