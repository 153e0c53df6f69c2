"""The cache of backbone graphs (`image` to `features`), so that the way to a first model never imports torch.

`python -m droplearn.networks.backbones` makes all of them (image build, make setup); a missing one is made on the fly. A file's name
carries the
digest of the weights it was made from: new weights, new file. Folder: DROPLEARN_BACKBONES, default ~/.cache/droplearn/backbones.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from droplearn.networks.pretrained import weights_digest

SIZES = {"efficientnet_lite0": 256, "efficientnet_lite2": 260}
"""Side in pixels at which each pretrained network's features are taken. Lite0 learnt at 224, but sees more at 256: docs/explanation/
learning-recipe.md.
"""
SPECTROGRAM_SIZE = 224
"""Bands of the spectrograms that Lite0 looks at as pictures (sound)."""
GRAPH_VERSION = 1
"""Counts changes of onnx_graph.py that change the file."""


def backbone_file(network: str, size: int) -> Path:
    """The ONNX file of the network with ImageNet weights; made now if it is not there."""
    digest = weights_digest(network)
    path = backbones_folder() / f"{network}-{size}-v{GRAPH_VERSION}-{digest[:16]}.onnx"
    if not path.exists():
        _write(path, _make(network, size, digest))
    return path


def backbones_folder() -> Path:
    """DROPLEARN_BACKBONES or ~/.cache/droplearn/backbones."""
    given = os.environ.get("DROPLEARN_BACKBONES")
    return Path(given) if given else Path.home() / ".cache" / "droplearn" / "backbones"


def _make(network: str, size: int, digest: str) -> bytes:
    from droplearn.networks.efficientnet_lite import pretrained_weights
    from droplearn.networks.lite_table import lite_network
    from droplearn.networks.onnx_graph import features_graph

    weights = {name: value.numpy() for name, value in pretrained_weights(network).items()}
    graph = features_graph(lite_network(network), weights, size, source=f"sha256:{digest}")
    written: bytes = graph.SerializeToString()
    return written


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, also when two processes make the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)


def main() -> None:
    """Makes every backbone that a preset names, and says where."""
    for network, size in [*SIZES.items(), ("efficientnet_lite0", SPECTROGRAM_SIZE)]:
        path = backbone_file(network, size)
        sys.stdout.write(f"{path} {path.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
