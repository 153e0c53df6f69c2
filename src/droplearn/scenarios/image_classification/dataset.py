"""Layout D-4: one folder per label."""

from __future__ import annotations

from droplearn.scenarios.image_classification.spec import SPEC
from droplearn.scenarios.labelled_folders import LabelledFolders

LAYOUT = LabelledFolders(SPEC, noun="picture", nouns="pictures", wrong_kind="not_an_image")
