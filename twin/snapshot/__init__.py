"""State that survives a restart, and a SIGKILL: bodies of S3 objects as files (`blobs`), everything else in one pickle (`store`)."""
