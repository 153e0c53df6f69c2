"""Layout D-4: one folder per label."""

from __future__ import annotations

from droplearn.scenarios.labelled_folders import LabelledFolders
from droplearn.scenarios.sound_classification.spec import SPEC

LAYOUT = LabelledFolders(SPEC, noun="sound", nouns="sounds", wrong_kind="not_a_sound")
