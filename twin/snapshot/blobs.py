"""Bodies of S3 objects as files named by their content, in the place of moto's temporary files: no memory, no open descriptors."""

import hashlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar


class Blob:
    """Stands in for `tempfile.SpooledTemporaryFile` inside moto's keys: written once, read often."""

    root: ClassVar[Path]
    restored: ClassVar[set[str]] = set()  # the names that a snapshot has brought back

    def __init__(self, *_: Any, **__: Any):
        self.name: str | None = None
        self._position = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.name:
            self.restored.add(self.name)

    @property
    def path(self) -> Path | None:
        """The file, once something was written."""
        return self._path_of(self.name) if self.name else None

    @classmethod
    def _path_of(cls, name: str) -> Path:
        return cls.root / name[:2] / name

    def write(self, data: bytes) -> None:
        """The whole content; a second write replaces it."""
        self.name = hashlib.sha256(data).hexdigest()
        path = self._path_of(self.name)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".partial-", delete=False) as file:
                file.write(data)
            Path(file.name).replace(path)
        self._position = len(data)

    def read(self, size: int = -1) -> bytes:
        """From the present position."""
        if self.path is None:
            return b""
        with self.path.open("rb") as file:
            file.seek(self._position)
            data = file.read(size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of files."""
        if whence == os.SEEK_END:
            offset += self.path.stat().st_size if self.path else 0
        elif whence == os.SEEK_CUR:
            offset += self._position
        self._position = offset
        return offset

    def tell(self) -> int:
        """As of files."""
        return self._position

    def truncate(self, *_: Any) -> None:
        """Forget the content; the file goes when no key names it (`sweep`)."""
        self.name = None

    def close(self) -> None:
        """Nothing is open."""


class TempfileModule:
    """What moto's S3 sees as the module `tempfile`."""

    SpooledTemporaryFile = Blob


def install(root: Path) -> None:
    """Let moto's S3 keep bodies below `root`."""
    import moto.s3.models

    root.mkdir(parents=True, exist_ok=True)
    Blob.root = root
    moto.s3.models.tempfile = TempfileModule
    moto.s3.models.FakeKey.__getstate__ = _state_of_key
    moto.s3.models.FakeKey.__setstate__ = _restore_key


def _state_of_key(key: Any) -> dict[str, Any]:
    return {name: value for name, value in key.__dict__.items() if name != "lock"}


def _restore_key(key: Any, state: dict[str, Any]) -> None:
    key.__dict__.update(state)
    key.lock = threading.Lock()


def sweep(root: Path) -> int:
    """Remove the files that the restored snapshot does not name; how many. Before anything new is written."""
    gone = [path for path in root.glob("*/*") if path.name not in Blob.restored] + list(root.glob(".partial-*"))
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
