"""What a model server of the twin finds in its model folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.sagemaker.servers import download_prefix
from twin.sagemaker.storage import DownloadFailed

SOURCE = {"S3Uri": "s3://b/services/x/", "S3DataType": "S3Prefix", "CompressionType": "None"}


class Storage:
    """With so many objects."""

    def __init__(self, count: int) -> None:
        self.count, self.asked = count, []

    def download(self, *given: object) -> int:
        self.asked.append(given)
        return self.count


def test_a_prefix_is_downloaded_below_the_model_folder():
    storage = Storage(2)
    download_prefix(SOURCE, storage, Path("/m"))  # type: ignore[arg-type]
    assert storage.asked == [("s3://b/services/x/", "S3Prefix", Path("/m"))]


@pytest.mark.parametrize("change", [{"S3DataType": "S3Object"}, {"CompressionType": "Gzip"}, {"S3Uri": "s3://b/services/x"}])
def test_a_source_that_the_twin_does_not_know_is_refused(change: dict[str, str]):
    with pytest.raises(DownloadFailed, match="S3Prefix"):
        download_prefix(SOURCE | change, Storage(2), Path("/m"))  # type: ignore[arg-type]


def test_a_prefix_without_objects_is_no_model():
    with pytest.raises(DownloadFailed, match="no object"):
        download_prefix(SOURCE, Storage(0), Path("/m"))  # type: ignore[arg-type]
