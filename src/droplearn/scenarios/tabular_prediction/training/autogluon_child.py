"""`python -m ...autogluon_child FOLDER`: AutoGluon in a process of its own, which can be killed: some of its steps ignore their time limit.

Reads request.json and rows.parquet; leaves held_out.npz (out-of-fold predictions), clone.zip and done.json.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.scenarios.tabular_prediction.members.autogluon_model import TARGET, VERSIONS_FILE, in_order, installed_versions, pack

FOLD = "fold"


def main(folder: Path) -> None:
    """Fits, predicts out of fold, packs."""
    import pandas as pd
    from autogluon.tabular import TabularPredictor

    warnings.simplefilter("ignore")
    request = json.loads((folder / "request.json").read_text("utf-8"))
    rows = pd.read_parquet(folder / "rows.parquet")
    for name in rows.columns:
        if name.startswith("c"):
            rows[name] = rows[name].astype("category")
    predictor = TabularPredictor(
        label=TARGET,
        groups=FOLD,
        problem_type=request["problem_type"],
        eval_metric=request["eval_metric"],
        path=str(folder / "fitted"),
        verbosity=0,
    )
    predictor.fit(
        rows,
        presets="best_quality",
        time_limit=request["time_limit_s"],
        num_cpus=request["cores"],
        num_stack_levels=0,
        dynamic_stacking=False,
        ds_args={"enable_ray_logging": False},
        ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
        excluded_model_types=request["left_out"],
        raise_on_no_models_fitted=True,
    )
    np.savez(folder / "held_out.npz", predictions=_held_out(predictor, request))
    clone = folder / "clone"
    predictor.clone_for_deployment(str(clone))
    (clone / VERSIONS_FILE).write_text(json.dumps(installed_versions()), "utf-8")
    (folder / "clone.zip").write_bytes(pack(clone))
    board = predictor.leaderboard(silent=True)
    told = {"model": str(predictor.model_best), "scores": {str(r["model"]): float(r["score_val"]) for _, r in board.iterrows()}}
    (folder / "done.json").write_text(json.dumps(told), "utf-8")


def _held_out(predictor: Any, request: dict[str, Any]) -> Any:
    if request["problem_type"] == "regression":
        return predictor.predict_oof().to_numpy(dtype=np.float64)[:, None]
    return in_order(predictor.predict_proba_oof(), request["label_count"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
