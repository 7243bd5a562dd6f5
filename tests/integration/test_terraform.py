"""clusters/prod.yaml becomes a cloud: real Terraform, the real AWS provider, moto's server as AWS.

The tests of one cloud go on from each other, in the order of the file: one apply serves them all.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.publication import load_index
from nodeseed.outputs.publish import Wishes, publish
from nodeseed.outputs.stores import open_store
from nodeseed.pipeline import prepare
from tests.integration.conftest import Rendered
from tests.integration.terraform_road import ROOT, Road, served, terraform

NODES = ["cp-1", "cp-2", "cp-3", "worker-1", "web-1", "web-2"]
MEMBERS = NODES[:3]
POOL = "burst"
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:EC |RSA )?PRIVATE KEY-----.*?-----END (?:EC |RSA )?PRIVATE KEY-----", re.DOTALL
)
TOKEN = re.compile(r"^ETCD_INITIAL_CLUSTER_TOKEN=(.+)$", re.MULTILINE)


def prod() -> dict[str, Any]:
    """The example, with two machines instead of fifty in its pool, and an elastic pool."""
    cluster: dict[str, Any] = yaml.safe_load((ROOT / "clusters" / "prod.yaml").read_text())
    cluster["pools"][0]["count"] = 2
    cluster["pools"].append(
        {
            "name": "burst",
            "role": "worker",
            "elastic": {"min": 0, "max": 10, "zones": ["eu-central-1a", "eu-central-1b"]},
            "labels": {"tier": "burst"},
        }
    )
    cluster["pki"] = {"caKeysOnNodes": "control-plane"}
    return cluster


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture(scope="module")
def road(cloud: str, tmp_path_factory: pytest.TempPathFactory) -> Road:
    """The whole road, gone once."""
    made = Road(tmp_path_factory.mktemp("road"), cloud, prod())
    made.client("ec2").register_image(Name="nodeseed-1.37.2", RootDeviceName="/dev/xvda")
    made.render()
    made.init()
    code, said = made.run("validate")
    assert code == 0, said
    made.apply()
    return made


def instances(road: Road) -> dict[str, dict[str, Any]]:
    """The machines that live, by name."""
    found = {}
    for page in road.client("ec2").describe_instances()["Reservations"]:
        for instance in page["Instances"]:
            if instance["State"]["Name"] != "terminated":
                names = [tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name"]
                found[names[0]] = instance
    return found


def user_data(road: Road, name: str) -> bytes:
    answer = road.client("ec2").describe_instance_attribute(
        InstanceId=instances(road)[name]["InstanceId"], Attribute="userData"
    )
    return base64.b64decode(answer["UserData"]["Value"])


def template(road: Road) -> bytes:
    """The user-data with which machines of the elastic pool come."""
    ec2 = road.client("ec2")
    (found,) = ec2.describe_launch_templates()["LaunchTemplates"]
    (version,) = ec2.describe_launch_template_versions(
        LaunchTemplateId=found["LaunchTemplateId"], Versions=["$Latest"]
    )["LaunchTemplateVersions"]
    return base64.b64decode(version["LaunchTemplateData"]["UserData"])


def test_every_file_is_formatted() -> None:
    done = subprocess.run(
        [terraform(), "fmt", "-check", "-recursive", str(ROOT / "terraform")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"make fix mends: {done.stdout}{done.stderr}"


def test_a_second_plan_is_empty(road: Road) -> None:
    code, said = road.plan()
    assert code == 0, said


def test_machines_got_the_very_bytes(road: Road) -> None:
    s3 = road.client("s3")
    variables = road.variables
    assert sorted(instances(road)) == sorted(NODES)
    objects = set()
    for name in [*NODES, POOL]:
        given = template(road) if name == POOL else user_data(road, name)
        assert given == (road.out / name / "user-data").read_bytes()
        (key,) = variables["payloads"][name]["names"]
        found = s3.get_object(Bucket=variables["transport"]["bucket"], Key=key)
        assert found["Body"].read() == (road.out / name / "payload").read_bytes()
        objects.add(key)
    listed = s3.list_objects_v2(Bucket=variables["transport"]["bucket"])["Contents"]
    assert {entry["Key"] for entry in listed} == objects


def test_nodeseed_publish_finds_everything_done(road: Road) -> None:
    state = ClusterState(road.spec)
    index = load_index(prepare(state), road.out, state.required_lock().revision)
    store = open_store(index["transport"], road.client("s3"))
    done = publish(index, road.out, store, Wishes(verify=True))
    assert (done.uploaded, done.stale) == ([], [])
    assert done.verified == done.total == len([*NODES, POOL])


def test_no_secret_is_in_the_state(road: Road, tmp_path: Path) -> None:
    state = road.state.read_text()
    texts = [state]
    for blob in set(re.findall(r"[A-Za-z0-9+/]{200,}={0,2}", state)):
        raw = base64.b64decode(blob)
        texts.append((gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode())
    assert len(texts) > len(NODES)  # all stubs, and what the provider keeps to itself
    keys, tokens = secrets(road, tmp_path)
    assert len(keys) > 5 * len(MEMBERS)
    assert len(tokens) == 1
    seed = road.spec.with_suffix(".seed").read_text().strip()
    forms = {seed, base64.b64encode(seed.encode()).decode(), *tokens}
    for key in keys:
        body = key.splitlines()[1:-1]
        der = base64.b64decode("".join(body))
        forms |= {der.hex(), *(base64.b64encode(form).decode() for form in (der, key.encode()))}
        forms |= {line for line in body if len(line) == 64}
    found = [form for form in forms for text in texts if form in text]
    assert found == []


def secrets(road: Road, root: Path) -> tuple[set[str], set[str]]:
    """Every private key of every machine as PEM, and etcd's token, from their installed files."""
    design = prepare(ClusterState(road.spec))
    keys, tokens = set[str](), set[str]()
    for name in NODES:
        payload = gzip.decompress((road.out / name / "payload").read_bytes())
        for path, mode, content in json.loads(payload):
            file = root / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(int(mode, 8))
        Rendered(design, road.out).finish(root / name)
        for file in (root / name).rglob("*"):
            if file.is_file():
                text = file.read_text()
                keys |= set(PRIVATE_KEY.findall(text))
                tokens |= set(TOKEN.findall(text))
    return keys, tokens


def test_what_stands_there(road: Road) -> None:
    ec2, elb = road.client("ec2"), road.client("elbv2")
    variables = road.variables
    volumes = ec2.describe_volumes()["Volumes"]
    assert all(volume["Encrypted"] for volume in volumes)
    data = [volume["AvailabilityZone"] for volume in volumes if volume["Size"] == 20]
    assert sorted(data) == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    subnets = ec2.describe_subnets()["Subnets"]
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
    for name, instance in instances(road).items():
        assert [instance["PrivateIpAddress"]] == variables["nodes"][name]["addresses"]
        assert zones[instance["SubnetId"]] == variables["nodes"][name]["zone"]
        assert instance["IamInstanceProfile"]["Arn"].endswith(f"/nodeseed/prod-{name}")
        metadata = instance["MetadataOptions"]
        assert (metadata["HttpTokens"], metadata["HttpPutResponseHopLimit"]) == ("required", 1)
        policy = road.client("iam").get_role_policy(RoleName=f"prod-{name}", PolicyName="payload")[
            "PolicyDocument"
        ]
        assert policy == json.loads((road.out / name / "iam-policy.json").read_text())
    (group,) = elb.describe_target_groups()["TargetGroups"]
    assert (group["HealthCheckProtocol"], group["HealthCheckPath"]) == ("HTTPS", "/readyz")
    attributes = {
        row["Key"]: row["Value"]
        for row in elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])[
            "Attributes"
        ]
    }
    assert attributes["preserve_client_ip.enabled"] == "false"
    targets = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
    assert sorted(row["Target"]["Id"] for row in targets["TargetHealthDescriptions"]) == [
        "10.0.0.11",
        "10.0.16.11",
        "10.0.32.11",
    ]


def test_an_elastic_pool_is_a_group_that_the_autoscaler_finds(road: Road) -> None:
    (group,) = road.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"], group["DesiredCapacity"]) == (0, 10, 0)
    assert len(group["VPCZoneIdentifier"].split(",")) == 2
    tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
    assert tags.items() >= road.variables["pools"][POOL]["tags"].items()
    policy = road.client("iam").get_role_policy(
        RoleName="prod-cp-3", PolicyName="cluster-autoscaler"
    )["PolicyDocument"]
    assert policy == json.loads((road.out / "cluster-autoscaler-iam-policy.json").read_text())


def test_a_renewal_of_everything_changes_nothing(road: Road) -> None:
    before = {name: (road.out / name / "user-data").read_bytes() for name in NODES}
    road.renew(days=30)
    report = road.render(days=30)
    assert sorted(report.changed) == sorted(NODES)
    assert all((road.out / name / "user-data").read_bytes() != before[name] for name in NODES)
    code, said = road.plan()
    assert code == 0, said


def test_one_raised_counter_replaces_one_machine(road: Road) -> None:
    """A control plane keeps its address and etcd's disk."""
    planned = road.planned(replace={"cp-2": 1})
    assert planned == {
        'aws_instance.node["cp-2"]': "replace",
        'aws_s3_object.payload["cp-2"]': "replace",
        'aws_volume_attachment.data["cp-2-etcd"]': "replace",
        'terraform_data.launch["cp-2"]': "replace",
    }


def test_a_replaced_machine_has_what_was_rendered_last(road: Road) -> None:
    old = {name: user_data(road, name) for name in NODES}
    road.apply(replace={"web-1": 1})
    assert user_data(road, "web-1") == (road.out / "web-1" / "user-data").read_bytes()
    assert {n: user_data(road, n) for n in NODES if n != "web-1"} == {
        n: data for n, data in old.items() if n != "web-1"
    }
    variables, s3 = road.variables, road.client("s3")
    listed = s3.list_objects_v2(Bucket=variables["transport"]["bucket"])["Contents"]
    there = {entry["Key"] for entry in listed}
    assert {name for name in NODES if variables["payloads"][name]["names"][0] in there} == {"web-1"}
    assert len(there) == len([*NODES, POOL])  # what each machine's own user-data names

    # the same once more: the payload, which did not change, is not touched
    planned = road.planned(replace={"web-1": 2})
    assert planned == {
        'aws_instance.node["web-1"]': "replace",
        'terraform_data.launch["web-1"]': "replace",
    }


def test_two_members_of_etcd_are_never_replaced_at_once(road: Road) -> None:
    code, said = road.plan("-refresh=false", replace={"web-1": 1, "cp-1": 1, "cp-3": 1})
    assert code == 1
    assert "cp-1, cp-3 would be replaced at once" in said


def test_a_machine_that_there_is_not_is_named(road: Road) -> None:
    code, said = road.plan("-refresh=false", replace={"web-1": 1, "cp-9": 1})
    assert code == 1
    assert "There is no machine cp-9" in said


def test_keys_come_into_plan_and_state_on_request_alone(road: Road) -> None:
    inline = {**prod(), "name": "other", "transport": {}}
    inline["pools"].pop()
    del inline["storage"], inline["pki"]  # with them a control plane is too large
    other = Road(road.folder / "other", road.url, inline)
    other.render()
    other.init()
    code, said = other.plan(rendered="nowhere")
    assert code == 1
    assert "There is no terraform.tfvars.json in nowhere: run make userdata" in said
    code, said = other.plan(rendered="../../out/other", image_name="nodeseed-0")
    assert code == 1
    assert "You have no AMI called nodeseed-0 in eu-central-1. Bake it (make image" in said
    code, said = other.plan(rendered="../../out/other")
    assert code == 1
    for words in ("holds all of its keys", "transport: {name: s3,", "allow_secrets_in_state"):
        assert words in said
    code, said = other.plan(rendered="../../out/other", allow_secrets_in_state=True)
    assert code == 2
    assert "(sensitive value)" in said
    for name in NODES:
        inside = base64.b64encode((other.out / name / "user-data").read_bytes()).decode()
        assert inside not in said


def test_other_choices_make_what_they_need_and_no_more(road: Road) -> None:
    """A VPC of yours, payloads that Terraform must not know, etcd on machines of its own."""
    members = [
        {"name": f"db-{number + 1}", "role": "etcd", "address": f"10.0.{16 * number}.31"}
        for number in range(3)
    ]
    chosen = {**prod(), "name": "chosen", "transport": {"name": "secrets-manager"}}
    chosen["nodes"] += members
    other = Road(road.folder / "chosen", road.url, chosen)
    other.render()
    other.init()
    ec2 = other.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for subnet in chosen["networking"]["subnets"]:
        ec2.create_subnet(VpcId=vpc, CidrBlock=subnet["cidr"], AvailabilityZone=subnet["zone"])
    planned = other.planned(rendered="../../out/chosen", vpc_id=vpc)
    assert set(planned.values()) == {"create"}
    kinds = {address.split(".")[0] for address in planned}
    assert not kinds & {
        "aws_vpc",
        "aws_subnet",
        "aws_nat_gateway",
        "aws_s3_bucket",
        "aws_s3_object",
    }
    rules = "aws_vpc_security_group_ingress_rule.between"
    on = {address for address in planned if address.startswith(f'{rules}["etcd-')}
    assert on == {
        f'{rules}["etcd-client on etcd from control-plane"]',
        f'{rules}["etcd-client on etcd from etcd"]',
        f'{rules}["etcd-peer on etcd from etcd"]',
    }
    disks = {address for address in planned if address.startswith("aws_ebs_volume")}
    assert disks == {f'aws_ebs_volume.data["db-{number}-etcd"]' for number in (1, 2, 3)}
    assert 'aws_iam_role_policy.payload["db-1"]' in planned


def test_everything_goes_again(road: Road) -> None:
    code, said = road.run("destroy", "-input=false", "-auto-approve", '-var=replace={"web-1":1}')
    assert code == 0, said
    assert instances(road) == {}
    assert road.client("s3").list_buckets()["Buckets"] == []
    assert road.client("ec2").describe_volumes()["Volumes"] == []
