"""What can be said of an object from its key and size alone, whatever the scenario."""

from __future__ import annotations

from collections.abc import Sequence

_JUNK_FOLDERS = {"__MACOSX", ".ipynb_checkpoints"}


def reason_to_skip(path: str, size_bytes: int, *, extensions: Sequence[str], wrong_kind: str, max_bytes: int) -> str | None:
    """`folder_marker`, `system_folder`, `hidden_file`, `wrong_kind` as given (`not_an_image`), `empty_file`, `file_too_large`, or None."""
    *folders, name = path.split("/")
    if name == "":
        return "folder_marker"
    if _JUNK_FOLDERS & set(folders):
        return "system_folder"
    if name.startswith(".") or any(f.startswith(".") for f in folders):
        return "hidden_file"
    if not name.lower().endswith(tuple(extensions)):
        return wrong_kind
    if size_bytes == 0:
        return "empty_file"
    return "file_too_large" if size_bytes > max_bytes else None
