"""The program of the training image: `train` (a SageMaker training job) and `evaluate` (a processing job). Sees files only, never AWS."""
