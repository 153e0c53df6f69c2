"""`python -m benchmarks.main_job FOLDER`: from the last byte dropped to the first answer of the service, on a fresh twin each time."""
