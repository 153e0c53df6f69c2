"""Each benchmark prints a table: ours beside a peer, in one run. Run one with `python -m benchmarks.<name>`."""
