"""Serving benchmark: ours beside LitServe and torch eager + FastAPI in one interleaved run, and the CPU floor. See README.md."""
