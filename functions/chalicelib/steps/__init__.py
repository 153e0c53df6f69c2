"""One module per Lambda task of the state machines: `plan_training.py` = Lambda `plan_training` = state `PlanTraining`."""
