"""`connection.json`: where a running twin is and with which keys, for tools and for people."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Connection:
    """Everything that a tool needs to talk to a twin. A bare twin has no API, buckets or token."""

    aws_endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    api_url: str | None = None
    data_bucket: str | None = None
    artifact_bucket: str | None = None
    admin_token: str | None = None

    def write(self, file: Path) -> None:
        """Write it, readable by its owner only, in one step."""
        partial = file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(json.dumps(asdict(self), indent=1) + "\n")
        partial.replace(file)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, file: Path) -> "Connection":
        """What `write` wrote."""
        return cls(**json.loads(file.read_text()))

    def block(self, file: Path) -> str:
        """A block of text to paste into a shell."""
        lines = [
            f"export AWS_ENDPOINT_URL={self.aws_endpoint_url}",
            f"export AWS_DEFAULT_REGION={self.region}",
            f"export AWS_ACCESS_KEY_ID={self.access_key_id}",
            f"export AWS_SECRET_ACCESS_KEY={self.secret_access_key}",
            f"export DROPLEARN_CONNECTION={file}",
        ]
        if self.api_url:
            lines += [
                f"export DROPLEARN_API_URL={self.api_url}",
                f"export DROPLEARN_TOKEN={self.admin_token}",
                f"# drop data:  aws s3 cp --recursive FOLDER s3://{self.data_bucket}/PROJECT/DATASET/",
            ]
        return "\n".join(lines)
