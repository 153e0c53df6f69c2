"""What one deployable writes and another reads. Pure: pydantic and the standard library only.

Every document carries `schema_version`; tests/contract/goldens keeps one example of each version that was ever written.
"""
