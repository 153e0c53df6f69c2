"""The whole system in the twin, through its public API only."""
