"""What stands for a container image on this machine: commands of the same programs that the Dockerfiles install.

The image's repository name selects an entry; the word that the container would execute (`train`, `evaluate`, `optimise`,
`serve`) selects a command.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


class CannotStartContainer(Exception):
    """The image, or the command in it, does not exist."""


@dataclass(frozen=True)
class Image:
    """Commands by the word that a container executes, the environment that the image sets, and its working directory."""

    commands: dict[str, list[str]]
    environment: dict[str, str] = field(default_factory=dict)
    folder: str | None = None


class Images:
    """The images that this twin can run, by repository name."""

    def __init__(self, images: dict[str, Image]):
        self._images = images

    @classmethod
    def of_project(cls, project: Path, extra: Path | None = None) -> "Images":
        """Droplearn's two images; `extra` names a JSON file with more: `{repository: {"commands": {...}, "environment": {...}}}`."""

        def python_path(folder: str) -> dict[str, str]:
            return {"PYTHONPATH": f"{project / 'src'}{os.pathsep}{project / folder}"}

        backbones = os.environ.get("DROPLEARN_BACKBONES", str(Path.home() / ".cache/droplearn/backbones"))
        trainer = [sys.executable, "-m", "trainer"]
        images = {
            "droplearn-training": Image(
                {"train": [*trainer, "train"], "evaluate": [*trainer, "evaluate"], "optimise": [*trainer, "optimise"]},
                python_path("training_container") | {"DROPLEARN_BACKBONES": backbones},
            ),
            "droplearn-serving": Image(
                {"serve": [sys.executable, "-m", "server", "serve"]},
                python_path("serving_container"),
                str(project / "serving_container"),
            ),
        }
        if extra is not None:
            images |= {name: Image(**entry) for name, entry in json.loads(extra.read_text()).items()}
        return cls(images)

    def command(self, image_uri: str, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The local command for the words that a container would execute, and the image's environment.

        Raises:
            CannotStartContainer: no such image or no such word in it.
        """
        image = self.find(image_uri)
        if words[0] not in image.commands:
            raise CannotStartContainer(f'exec: "{words[0]}": executable file not found in $PATH of {image_uri}')
        return [*image.commands[words[0]], *words[1:]], image.environment

    def find(self, image_uri: str) -> Image:
        """By its repository's name, whatever the registry and the tag.

        Raises:
            CannotStartContainer: no such image.
        """
        image = self._images.get(image_uri.rsplit("/", 1)[-1].split("@")[0].split(":")[0])
        if image is None:
            raise CannotStartContainer(f"Cannot pull {image_uri}: the twin knows the images {', '.join(sorted(self._images))}")
        return image
