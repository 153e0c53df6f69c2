"""Packaged SAM template -> plain CloudFormation: upload local files as `aws cloudformation package` does, then run the SAM transform.

The result depends on the template, the files and the parameters only, and is kept on disk by their hash: importing the transform costs
half a second.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

_LOCAL_FILE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::StateMachine": "DefinitionUri"}
_VERSION = 1


def expand(
    template_file: Path, parameters: dict[str, str], upload: Callable[[Path], str], region: str, cache: Path | None = None
) -> dict[str, Any]:
    """The plain template. `upload` puts a file into a bucket and returns its s3:// URI."""
    template = read_template(template_file)
    for resource in template["Resources"].values():
        name = _LOCAL_FILE.get(resource["Type"])
        uri = resource["Properties"].get(name) if name else None
        if isinstance(uri, str) and not uri.startswith("s3://"):
            resource["Properties"][name] = upload(template_file.parent / uri)
    kept = cache / f"expanded-{digest([_VERSION, template, parameters, region])}.json" if cache else None
    if kept is not None and kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    expanded = _transform(template, parameters, region)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob("expanded-*.json"):
            old.unlink()
        kept.write_text(json.dumps(expanded))
    return expanded


def read_template(file: Path) -> dict[str, Any]:
    """A template without CloudFormation's short forms (Chalice writes the long ones)."""
    text = file.read_text()
    template: dict[str, Any] = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _LOADER)  # noqa: S506
    return template


# the C loader is eight times as quick; both are safe loaders
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _transform(template: dict[str, Any], parameters: dict[str, str], region: str) -> dict[str, Any]:
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # "unpublished metrics" at exit
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    expanded: dict[str, Any] = translator.translate(template, parameter_values=parameters)
    return expanded


def uploader(s3: Any, bucket: str, region: str) -> Callable[[Path], str]:
    """Uploads files by their content: an unchanged file keeps its URI, so that nothing which uses it changes."""
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    present = {o["Key"] for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}

    def upload(path: Path) -> str:
        body = path.read_bytes()
        key = f"{hashlib.sha256(body).hexdigest()}{path.suffix}"
        if key not in present:
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            present.add(key)
        return f"s3://{bucket}/{key}"

    return upload


def digest(value: Any) -> str:
    """A hash of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
