"""The program of the training image: `train` (a training job), `evaluate` and `optimise` (processing jobs). Sees files only, never AWS."""
