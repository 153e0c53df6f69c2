"""AdamW's state as arrays, for a saved training: `m/<name>`, `v/<name>` and `t/<name>` of each parameter that has been stepped."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from droplearn.scenarios.learning.arrays import Floats


def moments_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Floats]:
    """Copies: a training may go on."""
    found: dict[str, Floats] = {}
    for name, parameter in model.named_parameters():
        if state := optimizer.state.get(parameter):
            found |= {f"m/{name}": state["exp_avg"].cpu().numpy().copy(), f"v/{name}": state["exp_avg_sq"].cpu().numpy().copy()}
            found[f"t/{name}"] = np.array(float(state["step"]), np.float32)
    return found


def load_moments(model: nn.Module, optimizer: torch.optim.Optimizer, moments: Mapping[str, Floats]) -> None:
    """The reverse."""
    for name, parameter in model.named_parameters():
        if f"m/{name}" in moments:
            optimizer.state[parameter] = {
                "step": torch.tensor(float(moments[f"t/{name}"])),
                "exp_avg": torch.from_numpy(np.array(moments[f"m/{name}"])).to(parameter),
                "exp_avg_sq": torch.from_numpy(np.array(moments[f"v/{name}"])).to(parameter),
            }
