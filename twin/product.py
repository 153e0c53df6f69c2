"""The product on the twin: packaged, provisioned from the deployed template, and reachable through its HTTP API."""

import json
import logging
from typing import Any

from moto.awslambda.utils import get_backend

from twin.connection import Connection
from twin.core import Core
from twin.http_api.routes import read_api
from twin.http_api.server import HttpApi
from twin.identity import Keys
from twin.lambdas.code import place
from twin.packaging.build import package, unpacked_code
from twin.packaging.dependencies import cache_folder
from twin.provision.assets import upload_assets
from twin.provision.aws import Aws
from twin.provision.expand import expand, uploader
from twin.provision.stack import Stack
from twin.settings import ACCOUNT, HOST, REGION, STACK

log = logging.getLogger("twin.product")
_DROP_USER = "drop"
_ISSUER = "IssueAdminToken"


class CannotProvision(Exception):
    """The template lacks something that the twin needs to hand out."""


class Product:
    """droplearn, running on a core."""

    def __init__(self, core: Core):
        self._core = core
        self._options = core.options
        self._aws = Aws(core.options.endpoint_url, REGION, ACCOUNT, core.credentials.root)
        self._api: HttpApi | None = None

    def provision(self) -> None:
        """Apply the packaged template: all of it the first time, nothing when nothing has changed."""
        template_file = package(self._options.project)
        if code := unpacked_code(template_file):
            place(template_file.parent / "deployment.zip", code, self._core.runtime.code_root)
        bucket = f"{STACK}-deployment-{ACCOUNT}-{REGION}"
        upload = uploader(self._aws.client("s3"), bucket, REGION)
        template = expand(template_file, {}, upload, REGION, cache_folder() / "templates")
        self._stack = Stack(self._aws, STACK, bucket)
        done = self._stack.apply(template, {}, self._prepare_first_call)
        log.info("provisioned: %s", {what: len(names) for what, names in done.items()})
        if "ArtifactBucket" in self._stack.record:
            upload_assets(self._aws.client("s3"), self._bucket("ArtifactBucket"))

    def _prepare_first_call(self, name: str, known: dict[str, Any]) -> None:
        """The function that this start will call comes up while the rest is applied: half a second."""
        if name == _ISSUER and not self._core.is_restart:
            self._core.runtime.prepare(get_backend(ACCOUNT, REGION).get_function(known["ref"]))

    def serve(self) -> None:
        """Open the HTTP API.

        Raises:
            CannotProvision: the template has no HTTP API.
        """
        api_id = self._only("AWS::ApiGatewayV2::Api")["ref"]
        self._api = HttpApi(read_api(self._aws, api_id), self._core.runtime, self._options.api_port)
        self._api.start()

    def connection(self, before: Connection | None) -> Connection:
        """How to reach it; keys and token stay those of `before` when there are any."""
        keys = self._drop_keys(before)
        token = before.admin_token if before is not None and self._core.is_restart else None
        return Connection(
            aws_endpoint_url=self._options.endpoint_url,
            region=REGION,
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            api_url=f"http://{HOST}:{self._options.api_port}",
            data_bucket=self._bucket("DataBucket"),
            artifact_bucket=self._bucket("ArtifactBucket"),
            admin_token=token or self._issue_admin_token(),
        )

    def close(self) -> None:
        """Close the HTTP API."""
        if self._api is not None:
            self._api.close()

    def _only(self, kind: str) -> dict[str, Any]:
        found = [known for known in self._stack.record.values() if known["type"] == kind]
        if len(found) != 1:
            raise CannotProvision(f"the template must have one {kind}, it has {len(found)}")
        return found[0]

    def _bucket(self, logical_id: str) -> str:
        if logical_id not in self._stack.record:
            raise CannotProvision(f"the template must have a bucket with the logical id {logical_id}")
        return str(self._stack.record[logical_id]["ref"])

    def _drop_keys(self, before: Connection | None) -> Keys:
        """Permanent keys of the user `drop`, who may do what the template's DropRole may."""
        iam = self._aws.client("iam")
        role = self._stack.record.get("DropRole")
        if role is None:
            raise CannotProvision("the template must have a role with the logical id DropRole")
        if _DROP_USER not in [user["UserName"] for user in iam.list_users()["Users"]]:
            iam.create_user(UserName=_DROP_USER)
        for policy in role["properties"]["Policies"]:
            document = json.dumps(policy["PolicyDocument"])
            iam.put_user_policy(UserName=_DROP_USER, PolicyName=policy["PolicyName"], PolicyDocument=document)
        known = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=_DROP_USER)["AccessKeyMetadata"]]
        if before is not None and before.access_key_id in known:
            return Keys(before.access_key_id, before.secret_access_key)
        made = iam.create_access_key(UserName=_DROP_USER)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def _issue_admin_token(self) -> str:
        function = self._stack.record.get(_ISSUER)
        if function is None:
            raise CannotProvision(f"the template must have a function with the logical id {_ISSUER}")
        answer = self._aws.client("lambda").invoke(FunctionName=function["ref"], Payload=b"{}")
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise CannotProvision(f"issue_admin_token failed: {payload}")
        return str(payload["token"])
