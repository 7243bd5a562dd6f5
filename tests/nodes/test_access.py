"""IAM policies, as moto's evaluator understands them: each node its own payload, nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.iam.access_control import IAMPolicy, PermissionResult

from nodeseed.nodes.access import node_policy, publisher_policy
from nodeseed.nodes.design import Design
from nodeseed.nodes.transport import payload_name
from nodeseed.transports import TRANSPORTS
from tests.conftest import design_of
from tests.nodes.changes import aws, put

CLUSTER, OTHER = "0123456789abcdef", "fedcba9876543210"
REMOTE = [row.name for row in TRANSPORTS.values() if row.remote]


def design(name: str, **keys: Any) -> Design:
    bucket = {"bucket": "payloads"} if name == "s3" else {}
    return design_of(aws, put("transport", {"name": name, **bucket, **keys}))


def arn(made: Design, node: str, cluster: str = CLUSTER) -> str:
    """Of a payload, as AWS writes it: secrets get six characters more."""
    name = payload_name(made, cluster, node, 3, "ab" * 32)
    start = {
        "s3": "arn:aws:s3:::payloads/",
        "secrets-manager": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:",
        "ssm": "arn:aws:ssm:eu-central-1:123456789012:parameter",
    }[made.transport.name]
    return f"{start}{name}{'-a1B2c3' if 'secret' in start else ''}"


def allows(policy: bytes, action: str, resource: str) -> bool:
    document: Any = {"policy_document": policy.decode()}
    return IAMPolicy(document).is_action_permitted(action, resource) is PermissionResult.PERMITTED


@pytest.mark.parametrize("name", REMOTE)
def test_each_node_reads_its_own_payload_and_no_other(name: str) -> None:
    made = design(name)
    for machine in made.machines:
        policy = node_policy(made, CLUSTER, machine.name)
        for other in made.machines:
            read = allows(policy, made.transport.read, arn(made, other.name))
            assert read == (other is machine)
            assert not allows(policy, made.transport.read, arn(made, machine.name, OTHER))
            for action in (*made.transport.publish, made.transport.listing):
                if action != made.transport.read:
                    assert not allows(policy, action, arn(made, other.name))


@pytest.mark.parametrize("name", REMOTE)
def test_it_deletes_its_own_payload_and_no_other_where_it_is_to(name: str) -> None:
    made = design(name, deleteAfterRead=True)
    for machine in made.machines:
        policy = node_policy(made, CLUSTER, machine.name)
        for other in made.machines:
            for action in (made.transport.read, made.transport.delete):
                assert allows(policy, action, arn(made, other.name)) == (other is machine)
            for action in (*made.transport.publish, made.transport.listing):
                if action not in (made.transport.read, made.transport.delete):
                    assert not allows(policy, action, arn(made, other.name))


@pytest.mark.parametrize("name", REMOTE)
def test_a_node_whose_name_begins_like_another_reads_only_its_own(name: str) -> None:
    made = design(name)
    policy = node_policy(made, CLUSTER, "web-1")
    assert allows(policy, made.transport.read, arn(made, "web-1"))
    assert not allows(policy, made.transport.read, arn(made, "web-10"))


@pytest.mark.parametrize("name", REMOTE)
def test_the_operator_publishes_this_cluster_alone(name: str) -> None:
    made = design(name)
    policy = publisher_policy(made, CLUSTER)
    for action in made.transport.publish:
        assert allows(policy, action, arn(made, "cp-1"))
        assert not allows(policy, action, arn(made, "cp-1", OTHER))


@pytest.mark.parametrize("name", REMOTE)
def test_a_key_is_used_through_the_service_and_for_these_parts_alone(name: str) -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/0000-1111"
    made = design(name, kmsKey=key)
    own, publishing = (
        json.loads(policy)["Statement"][-1]
        for policy in (node_policy(made, CLUSTER, "cp-1"), publisher_policy(made, CLUSTER))
    )
    assert own["Resource"] == publishing["Resource"] == key
    assert own["Action"] == ["kms:Decrypt"]
    service = f"{made.transport.service}.eu-central-1.amazonaws.com"
    assert own["Condition"]["StringEquals"] == {"kms:ViaService": service}
    context = own["Condition"]["StringLike"]
    assert list(context) == [f"kms:EncryptionContext:{made.transport.context}"]
    assert next(iter(context.values())).endswith(f"/test-{CLUSTER[:8]}/cp-1/*")


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-central-1", "aws")],
)
def test_partitions(region: str, partition: str) -> None:
    policy = json.loads(node_policy(design("ssm", region=region), CLUSTER, "cp-1"))
    assert policy["Statement"][0]["Resource"].startswith(f"arn:{partition}:ssm:{region}:*:")
