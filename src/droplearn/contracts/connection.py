"""`connection.json`: where a droplearn runs and how to reach it. Written by `droplearn up` and by the deploy script, read by the CLI."""

from __future__ import annotations

from droplearn.contracts.document import Document


class Connection(Document):
    """Keys are absent where the user's own AWS credentials are to be used (a real account)."""

    api_url: str
    aws_endpoint_url: str | None = None
    region: str
    data_bucket: str
    artifact_bucket: str
    access_key_id: str | None = None
    secret_access_key: str | None = None
    admin_token: str | None = None
