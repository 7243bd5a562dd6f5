"""terraform/: every cloud has the same files, and no file speaks of what there is not.

The provider of AWS is at hand where tests run, so tests/integration/test_terraform.py applies that
module. Those of the other clouds are not: what Terraform itself would check of them is looked at
here, as far as it goes without knowing their resources.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TERRAFORM = Path(__file__).parent.parent / "terraform"
CLOUDS = ["aws", "hetzner", "openstack"]
MODULES = ["cluster", *CLOUDS]
# What has no counterpart elsewhere: no other cloud gives machines a role with which to fetch.
AWS_ALONE = {"dns.tf", "identity.tf", "payloads.tf", "pools.tf"}

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
COMMENT = re.compile(r"(^|\s)(#|//).*")
BLOCK = re.compile(r'^(resource|data) "(\w+)" "(\w+)"', re.MULTILINE)
REFERENCE = re.compile(r"(?<![\w.])(data\.)?((?:aws|hcloud|openstack|terraform)_\w+)\.(\w+)")


def text(cloud: str) -> str:
    """All files of a cloud, without comments."""
    lines = [
        COMMENT.sub("", line)
        for path in sorted((TERRAFORM / cloud).glob("*.tf"))
        for line in path.read_text().splitlines()
    ]
    return "\n".join(lines)


def code(cloud: str) -> str:
    """The same; of texts only what is worked out in them."""
    return STRING.sub(lambda found: " ".join(re.findall(r"\$\{.*\}", found[0])), text(cloud))


def local_values(cloud: str) -> set[str]:
    return {
        name
        for block in re.findall(r"^locals \{\n(.*?)^\}", text(cloud), re.DOTALL | re.MULTILINE)
        for name in re.findall(r"^  (\w+) +=", block, re.MULTILINE)
    }


def test_there_are_these_modules() -> None:
    assert sorted(path.name for path in TERRAFORM.iterdir()) == sorted(MODULES)


def test_every_cloud_has_the_same_files() -> None:
    names = {cloud: {path.name for path in (TERRAFORM / cloud).glob("*.tf")} for cloud in CLOUDS}
    assert names["hetzner"] == names["openstack"] == names["aws"] - AWS_ALONE


@pytest.mark.parametrize("cloud", MODULES)
def test_every_variable_is_declared_and_used(cloud: str) -> None:
    declared = set(re.findall(r'^variable "(\w+)"', text(cloud), re.MULTILINE))
    used = set(re.findall(r"\bvar\.(\w+)", text(cloud)))
    assert declared == used


@pytest.mark.parametrize("cloud", MODULES)
def test_every_local_value_is_there_and_used(cloud: str) -> None:
    assert local_values(cloud) == set(re.findall(r"\blocal\.(\w+)", text(cloud)))


@pytest.mark.parametrize("cloud", MODULES)
def test_every_resource_that_is_spoken_of_is_there(cloud: str) -> None:
    there = {
        ("data." if kind == "data" else "", resource, name)
        for kind, resource, name in BLOCK.findall(text(cloud))
    }
    assert set(REFERENCE.findall(code(cloud))) <= there


@pytest.mark.parametrize("cloud", MODULES)
def test_every_variable_and_output_says_what_it_is(cloud: str) -> None:
    for kind in ("variable", "output"):
        for block in re.findall(rf'^{kind} ".*?^\}}', text(cloud), re.DOTALL | re.MULTILINE):
            assert "  description" in block, block


@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_all_clouds_share_is_asked_for_by_its_name(cloud: str) -> None:
    outputs = set(re.findall(r'^output "(\w+)"', text("cluster"), re.MULTILINE))
    assert set(re.findall(r"\bmodule\.cluster\.(\w+)", text(cloud))) <= outputs


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_render_replaces_no_machine(cloud: str) -> None:
    """User-data is ignored once a machine is there, and its counter alone makes it anew."""
    machines = re.findall(
        r'^resource "(?:aws_instance|hcloud_server|openstack_compute_instance_v2)" .*?^\}',
        text(cloud),
        re.DOTALL | re.MULTILINE,
    )
    assert len(machines) == 1
    assert re.search(r"ignore_changes += \[.*\buser_data\b.*\]", machines[0])
    assert re.search(r"replace_triggered_by += \[terraform_data.launch\[each.key\]\]", machines[0])
    assert re.search(r"triggers_replace += lookup\(var.replace, each.key, 0\)", text(cloud))
