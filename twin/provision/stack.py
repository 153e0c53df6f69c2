"""Applies an expanded template to the twin in the order of its dependencies, once: what has not changed is not touched.

What is applied is remembered in the twin itself (an object in the artifact bucket of the deployment), so that the memory lives and dies
with the twin's state, and a run that fails goes on where it stopped.
"""

import hashlib
import json
from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import Any

from twin.provision import deliveries
from twin.provision.aws import Aws, UnsupportedProperty
from twin.provision.expand import digest
from twin.provision.intrinsics import Resolver, dependencies
from twin.provision.resources import APPLY, DELETE, check_properties

_KNOWN_KEYS = {"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
Resource = dict[str, Any]


class Stack:
    """One applied template. `record` has, for each logical id: type, digest, ref, attributes, resolved properties."""

    def __init__(self, aws: Aws, name: str, bucket: str):
        self.aws, self.name = aws, name
        self._bucket, self._key = bucket, f"stacks/{name}.json"
        saved = self._load()
        self.record: dict[str, Resource] = saved.get("resources", {})
        self._template_digest: str | None = saved.get("template")
        self.outputs: dict[str, Any] = saved.get("outputs", {})

    def apply(
        self,
        template: dict[str, Any],
        parameters: dict[str, str],
        when_applied: Callable[[str, Resource], None] = lambda _name, _known: None,
    ) -> dict[str, list[str]]:
        """Create, update and delete; the logical ids of each, in order. `when_applied`: told of each that is created or updated.

        Raises:
            UnsupportedProperty: a type or property that the twin does not have.
            UnsupportedIntrinsic: a function that the twin does not have.
            DeliveryNotAllowed: a service may not do what the template wants of it.
        """
        done: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": [], "deleted": []}
        template_digest = digest([template, parameters])
        if template_digest == self._template_digest:
            return done | {"unchanged": list(self.record)}
        self._template_digest = None
        self._values = self._parameters(template, parameters)
        resolver = Resolver(self._ref, self._attribute, template.get("Conditions", {}), template.get("Mappings", {}))
        resources = self._wanted(template, resolver)
        try:
            for name in _order(resources):
                outcome = self._apply_one(name, resources[name], resolver)
                done[outcome].append(name)
                if outcome != "unchanged":
                    when_applied(name, self.record[name])
            for name in [n for n in reversed(self.record) if n not in resources]:
                self._delete(name)
                done["deleted"].append(name)
            deliveries.check(self.aws, self.record)
            self.outputs = {n: resolver.resolve(o["Value"]) for n, o in template.get("Outputs", {}).items()}
            self._template_digest = template_digest
        finally:
            self._save()
        return done

    @staticmethod
    def _wanted(template: dict[str, Any], resolver: Resolver) -> dict[str, Resource]:
        found = template["Resources"].items()
        resources = {n: r for n, r in found if "Condition" not in r or resolver.condition(r["Condition"])}
        for name, resource in resources.items():
            check_properties(name, resource["Type"], resource.get("Properties", {}))
            if unknown := set(resource) - _KNOWN_KEYS:
                raise UnsupportedProperty(f"{name}: {', '.join(sorted(unknown))}")
        return resources

    def _apply_one(self, name: str, resource: Resource, resolver: Resolver) -> str:
        kind = resource["Type"]
        try:
            properties = resolver.resolve(resource.get("Properties", {}))
            known, now = self.record.get(name), digest([kind, properties])
            if known is not None and known["digest"] == now:
                return "unchanged"
            if known is not None and _needs_replacement(kind, known["properties"], properties):
                if resource.get("DeletionPolicy") == "Retain":
                    raise UnsupportedProperty("it must be replaced, and is retained: start the twin with an empty state folder")
                self._delete(name)
            existing = self.record[name]["ref"] if name in self.record else None
            applied = APPLY[kind](self.aws, self._physical_name(name), existing, **properties)
        except Exception as error:
            error.add_note(f"while applying {name} ({kind})")
            raise
        self.record[name] = {
            "type": kind,
            "digest": now,
            "ref": applied.ref,
            "attributes": dict(applied.attributes),
            "properties": properties,
            "retain": resource.get("DeletionPolicy") == "Retain",
        }
        return "created" if known is None else "updated"

    def _delete(self, name: str) -> None:
        known = self.record[name]
        if not known["retain"]:
            DELETE[known["type"]](self.aws, known["ref"], known["properties"])
        del self.record[name]

    def _physical_name(self, logical: str) -> str:
        """As CloudFormation's, but the same each time: <stack>-<logical id>-<suffix>."""
        suffix = hashlib.sha256(f"{self.name}/{logical}".encode()).hexdigest()[:12]
        return f"{self.name}-{logical[: 64 - len(self.name) - len(suffix) - 2]}-{suffix}"

    def _parameters(self, template: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
        declared = template.get("Parameters", {})
        if unknown := set(given) - set(declared):
            raise ValueError(f"the template has no parameters {', '.join(sorted(unknown))}")
        if missing := [n for n, p in declared.items() if n not in given and "Default" not in p]:
            raise ValueError(f"parameters without a value: {', '.join(missing)}")
        region, account = self.aws.region, self.aws.account
        pseudo = {
            "AWS::Region": region,
            "AWS::AccountId": account,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.name,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/{self.name}/twin",
        }
        return pseudo | {n: given[n] if n in given else p["Default"] for n, p in declared.items()}

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self.record:
            raise UnsupportedProperty(f"Ref to {name}, which is not in the template")
        return self.record[name]["ref"]

    def _attribute(self, name: str, attribute: str) -> Any:
        if name not in self.record or attribute not in self.record[name]["attributes"]:
            raise UnsupportedProperty(f"GetAtt {name}.{attribute}")
        return self.record[name]["attributes"][attribute]

    def _load(self) -> dict[str, Any]:
        s3 = self.aws.client("s3")
        try:
            found: dict[str, Any] = json.loads(s3.get_object(Bucket=self._bucket, Key=self._key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return {}
        return found

    def _save(self) -> None:
        body = json.dumps({"resources": self.record, "template": self._template_digest, "outputs": self.outputs}, indent=1)
        self.aws.client("s3").put_object(Bucket=self._bucket, Key=self._key, Body=body.encode())


def _needs_replacement(kind: str, before: Resource, now: Resource) -> bool:
    """Whether a property changed which CloudFormation's own schema (it comes with cfn-lint) calls create-only."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # a second to import, and seldom needed

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    names = {path.split("/")[2] for path in schema.get("createOnlyProperties", [])}
    return any(before.get(name) != now.get(name) for name in names)


def _order(resources: dict[str, Resource]) -> list[str]:
    graph = {}
    for name, resource in resources.items():
        explicit = resource.get("DependsOn", [])
        needs = dependencies(resource.get("Properties", {})) | set([explicit] if isinstance(explicit, str) else explicit)
        graph[name] = sorted(needs & set(resources))
    return list(TopologicalSorter(graph).static_order())
