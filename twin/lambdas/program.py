"""What an environment runs: the code of a zip, or the local program that stands for a container image."""

from pathlib import Path
from typing import Any, NamedTuple

from twin.lambdas.code import unpack
from twin.sagemaker.containers import CannotStartContainer, Images


class Program(NamedTuple):
    """`folder`: where the handler's module is found first; `variables`: those that the image sets."""

    folder: Path
    handler: str
    variables: dict[str, str]


class Programs:
    """Zips are unpacked below a folder; images are found by their repository."""

    def __init__(self, code_root: Path, images: Images):
        self._code_root, self._images = code_root, images

    def of(self, function: Any) -> Program:
        """An image's handler is its command; its entry point, the runtime interface client, is what the worker stands for.

        Raises:
            CannotStartContainer: no such image, or no handler in it.
        """
        if function.package_type != "Image":
            return Program(unpack(function.code_bytes, function.code_sha_256, self._code_root), function.handler, {})
        uri = function.code["ImageUri"]
        image, words = self._images.find(uri), function.image_config.cmd
        if not words or image.folder is None:
            raise CannotStartContainer(f"{uri} has no handler: ImageConfig needs a Command")
        return Program(Path(image.folder), words[0], image.environment)
