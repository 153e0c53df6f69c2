"""What SageMaker and the Dockerfile must agree on; the image itself is built elsewhere."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "serving_container" / "Dockerfile").read_text()
DOCKERFILES = [DOCKERFILE, (ROOT / "serving_container" / "Dockerfile.triton").read_text()]


def test_the_image_starts_with_the_word_serve_as_root_which_sagemaker_expects() -> None:
    assert 'CMD ["serve"]' in DOCKERFILE
    assert not re.search(r"^USER ", DOCKERFILE, re.MULTILINE)
    script = ROOT / "serving_container" / "serve"
    assert os.access(script, os.X_OK)
    assert "exec python -m server serve" in script.read_text()


def test_the_image_lets_sagemaker_choose_the_port() -> None:
    assert "com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true" in DOCKERFILE


def test_everything_that_the_image_copies_is_there_and_the_extra_is_locked() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+)$", "\n".join(DOCKERFILES), re.MULTILINE):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources), line
    serving = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["serving"]
    locked = (ROOT / "locks" / "constraints.txt").read_text()
    assert all(f"\n{name}==" in locked for name in serving)
