"""Which files can be what, by the ends of their names."""

from __future__ import annotations

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
TABLES = (".csv", ".tsv", ".parquet")
