"""Bad transports: each mistake is named with path, rule and cure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Change, design_of
from tests.nodes.changes import assert_refused, aws, put

LENT = put("platform", {"name": "nocloud", "metadata": "ec2"})
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0000-1111"


def elastic(spec: dict[str, Any]) -> None:
    spec["pki"] = {"caKeysOnNodes": "control-plane"}
    spec["pools"] = [{"name": "burst", "role": "worker", "elastic": {"max": 3}}]


def transport(name: str = "s3", **keys: Any) -> Change:
    bucket = {"bucket": "payloads"} if name == "s3" else {}
    return put("transport", {"name": name, **bucket, **keys})


BAD: dict[str, tuple[list[Change], str]] = {
    "unknown": (
        [aws, transport("ftp")],
        "transport.name: 'ftp' is no transport; write one of inline, s3, secrets-manager, ssm",
    ),
    "platform without instance roles": (
        [transport()],
        (
            "transport.name: machines on NoCloud (ISO, USB, bare metal) have no instance role with "
            "which to read Amazon S3; write `name: inline`, or use platform aws, or "
            "`platform.metadata: ec2` if a metadata service lends roles there as EC2's does"
        ),
    ),
    "another such platform": (
        [put("platform", {"name": "hetzner"}), transport("ssm")],
        (
            "transport.name: machines on Hetzner Cloud have no instance role with which to read "
            "AWS Systems Manager Parameter Store; write `name: inline`, or use platform aws"
        ),
    ),
    "no region": (
        [LENT, transport()],
        (
            "transport: NoCloud (ISO, USB, bare metal) has no region, and requests are signed for "
            "one; write transport.region, such as eu-central-1"
        ),
    ),
    "keys of another": (
        [aws, put("transport", {"name": "inline", "bucket": "payloads"})],
        "transport.bucket: unknown key",
    ),
    "no bucket": ([aws, put("transport", {"name": "s3"})], "transport.bucket: "),
    "bucket's ARN": (
        [aws, transport(bucket="arn:aws:s3:::payloads")],
        (
            "transport.bucket: 'arn:aws:s3:::payloads' is no bucket name; write 3 to 63 of a-z, "
            "0-9, . and -: its name, not its ARN"
        ),
    ),
    "prefix": (
        [aws, transport(prefix="/a//b/")],
        (
            "transport.prefix: '/a//b/' is no prefix; write words of letters, digits, - and _, "
            "with / between them"
        ),
    ),
    "zone": (
        [aws, transport("ssm", region="eu-central-1a")],
        (
            "transport.region: 'eu-central-1a' is no AWS region; write it such as eu-central-1 "
            "(not a zone, eu-central-1a)"
        ),
    ),
    "alias of a key": (
        [aws, transport(kmsKey="alias/payloads")],
        (
            "transport.kmsKey: 'alias/payloads' is no ARN of a KMS key; write "
            "arn:aws:kms:REGION:ACCOUNT:key/ID (policies cannot name an alias)"
        ),
    ),
    "key elsewhere": (
        [aws, transport(region="eu-west-1", kmsKey=KEY)],
        (
            "transport.kmsKey: the key lies in eu-central-1, the transport in eu-west-1; use a "
            "key in eu-west-1"
        ),
    ),
    "no recipient": (
        [aws, transport(age={"recipients": ["age1xyz"]})],
        (
            "transport.age.recipients[0]: 'age1xyz' is no recipient of age; write age1…, as "
            "`age-keygen -y FILE` prints it"
        ),
    ),
    "an identity where a recipient belongs": (
        [aws, transport(age={"recipients": ["AGE-SECRET-KEY-1QQQ"]})],
        "transport.age.recipients[0]: what is written is an identity, a secret",
    ),
    "nobody to open it": (
        [aws, transport(age={"recipients": []})],
        "transport.age.recipients: ",
    ),
    "deleted before the second machine of a pool comes": (
        [aws, elastic, transport(deleteAfterRead=True)],
        (
            "transport.deleteAfterRead: all machines of the elastic pool burst fetch the same "
            "payload, and the first would delete it; take deleteAfterRead out, or give the pool "
            "count and firstAddress"
        ),
    ),
    "in clear": (
        [aws, transport(endpoint="http://s3.example.com")],
        (
            "transport.endpoint: http://s3.example.com would carry private keys in clear over a "
            "network; write https://"
        ),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_it_is_refused(case: str) -> None:
    changes, said = BAD[case]
    assert_refused(changes, said)


GOOD: dict[str, Change] = {
    "bucket": transport(),
    "key": transport("secrets-manager", kmsKey=KEY),
    "interface endpoint": transport("ssm", endpoint="https://vpce-1.ssm.eu-west-1.vpce.amazonaws.com"),
    "on this link": transport(endpoint="http://169.254.169.254:8080"),
    "elsewhere": transport(region="us-gov-west-1", prefix="team_a/k8s"),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_it_is_taken(case: str) -> None:
    assert design_of(aws, GOOD[case]).transport.remote


def test_nocloud_machines_to_which_roles_are_lent_can_fetch() -> None:
    assert design_of(LENT, transport(region="eu-central-1")).transport.remote
