"""What `infra/deploy` copies into the artifact bucket beside the template: files that browsers load."""

import logging
from typing import Any

from botocore.exceptions import ClientError

from twin.packaging.browser_runtime import TYPES, NoRuntime, browser_runtime

log = logging.getLogger("twin.provision")


def upload_assets(s3: Any, bucket: str) -> None:
    """Once. Without a network everything else works: then the API says what previews lack."""
    try:
        files = browser_runtime()
    except NoRuntime as error:
        log.warning("previews will not work: %s", error)
        return
    for key, file in files.items():
        try:
            s3.head_object(Bucket=bucket, Key=key)
        except ClientError:
            s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), ContentType=TYPES[file.suffix], ContentEncoding="gzip")
