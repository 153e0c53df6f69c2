"""The template, merged with what Chalice packages: it lints, and each function has one role, one log group and no permission too many."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]


class Loader(yaml.SafeLoader):
    """CloudFormation's short forms, as `{"!Ref": ...}`."""


def _tagged(loader: Any, suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {f"!{suffix}": loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {f"!{suffix}": loader.construct_sequence(node, deep=True)}
    return {f"!{suffix}": loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _tagged)
TEMPLATE: dict[str, Any] = yaml.load((ROOT / "infra/template.yaml").read_text(), Loader)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
IN_A_VPC = {
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
}
"""What a role needs for a model in a VPC, and has only in a stack with one."""
FUNCTIONS = re.findall(r"@app\.lambda_function\(\)\ndef (\w+)", (ROOT / "functions/app.py").read_text())


def pascal(text: str) -> str:
    return "".join(word.title() for word in text.split("_"))


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in RESOURCES.items():
        if resource.get("Type") == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield name, statement["!If"][1] if "!If" in statement else statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_its_own_role_and_log_group(function: str):
    name = pascal(function)
    assert RESOURCES[name]["Properties"]["Role"] == {"!GetAtt": f"{name}Role.Arn"}
    assert RESOURCES[f"{name}Logs"]["Properties"]["LogGroupName"] == {"!Sub": f"/aws/lambda/${{{name}}}"}
    assert RESOURCES[f"{name}Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {
        "Service": "lambda.amazonaws.com"
    }


def test_a_handler_has_at_most_six_lines():
    text = (ROOT / "functions/app.py").read_text()
    bodies = re.findall(r"\ndef \w+\(.*\n((?:    .*\n|\n(?=    ))+)", text)
    assert len(bodies) == len(FUNCTIONS)
    assert max(body.count("\n") for body in bodies) <= 6


def test_no_role_has_a_wildcard_action():
    assert not [(name, action) for name, s in statements() for action in listed(s["Action"]) if action.endswith("*")]


def test_only_what_has_no_resource_is_allowed_on_all_resources():
    wide = {action for _, s in statements() for action in listed(s["Action"]) if "*" in listed(s["Resource"])}
    assert (
        wide
        == {
            "states:SendTaskSuccess",
            "states:SendTaskFailure",
            "ecr:GetAuthorizationToken",
            "cloudwatch:PutMetricData",
            "cloudwatch:GetMetricData",
            "sagemaker:ListEndpoints",
        }
        | IN_A_VPC
    )


def test_roles_are_passed_to_sagemaker_only():
    passing = [s for _, s in statements() if "iam:PassRole" in listed(s["Action"])]
    assert len(passing) == 5
    assert all(s["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}} for s in passing)


def test_people_who_drop_reach_the_data_bucket_only():
    reached = [r for name, s in statements() if name == "DropRole" for r in listed(s["Resource"])]
    assert reached == [{"!Sub": "${DataBucket.Arn}/*"}, {"!GetAtt": "DataBucket.Arn"}]


def test_buckets_and_table_outlive_the_stack():
    for name in ("DataBucket", "ArtifactBucket", "Table"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("machine", ["Learn", "Evaluate", "Deploy", "Update"])
def test_a_state_machine_gets_exactly_what_it_substitutes(machine: str):
    given = RESOURCES[machine]["Properties"]
    text = (ROOT / "infra" / given["DefinitionUri"]).resolve().read_text()
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(given["DefinitionSubstitutions"])


def test_every_parameter_and_variable_is_in_the_settings_reference():
    reference = (ROOT / "docs/reference/settings.md").read_text()
    variables = set(TEMPLATE["Globals"]["Function"]["Environment"]["Variables"])
    for function in FUNCTIONS:
        variables |= set(RESOURCES[pascal(function)]["Properties"].get("Environment", {}).get("Variables", {}))
    read = set(re.findall(r'"([A-Z_]{6,})"', (ROOT / "functions/chalicelib/settings.py").read_text()))
    assert read | {"POWERTOOLS_SERVICE_NAME"} == variables
    assert not [name for name in variables | set(TEMPLATE["Parameters"]) if f"`{name}`" not in reference]


def test_the_merged_template_lints_and_no_placeholder_is_left(tmp_path: Path):
    """Packaging is cached by the hash of the sources: seconds only after a change."""
    subprocess.run([sys.executable, "-m", "twin.packaging", "--out", str(tmp_path)], check=True, cwd=ROOT, capture_output=True)
    merged = (tmp_path / "sam.yaml").read_text()
    assert "declared-in-infra" not in merged
    lint = subprocess.run([Path(sys.executable).with_name("cfn-lint"), tmp_path / "sam.yaml"], capture_output=True, text=True, check=False)
    assert lint.stdout + lint.stderr == ""
