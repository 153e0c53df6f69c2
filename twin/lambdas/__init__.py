"""Lambda without containers: warm child processes (`environment`), concurrency and retries (`runtime`), SQS event sources (`poller`)."""
