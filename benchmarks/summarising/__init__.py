"""How long the summary of a batch job takes, and how much memory: `python -m benchmarks.summarising`."""
