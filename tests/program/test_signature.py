"""AWS Signature Version 4: the vectors that AWS published, and botocore's own signer."""

from __future__ import annotations

import hashlib
import random

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from nodeseed_node.fetch import authorization

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EMPTY = hashlib.sha256(b"").hexdigest()
SUITE = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}
S3 = {
    "host": "examplebucket.s3.amazonaws.com",
    "x-amz-content-sha256": EMPTY,
    "x-amz-date": "20130524T000000Z",
}
S3_KEY = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")

# method, URL, headers, scope, key, signature. The first five are aws-sig-v4-test-suite and the
# General Reference's example; the last three the S3 API reference's (sig-v4-header-based-auth).
VECTORS = {
    "get-vanilla": (
        "GET", "https://example.amazonaws.com/", SUITE, ("us-east-1", "service"),
        ("AKIDEXAMPLE", SECRET), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "post-vanilla": (
        "POST", "https://example.amazonaws.com/", SUITE, ("us-east-1", "service"),
        ("AKIDEXAMPLE", SECRET), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "get-vanilla-query-order-key-case": (
        "GET", "https://example.amazonaws.com/?Param1=value1&Param2=value2", SUITE,
        ("us-east-1", "service"), ("AKIDEXAMPLE", SECRET),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "post-header-key-sort": (
        "POST", "https://example.amazonaws.com/", {**SUITE, "my-header1": "value1"},
        ("us-east-1", "service"), ("AKIDEXAMPLE", SECRET),
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "iam-list-users": (
        "GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": "iam.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
        },
        ("us-east-1", "iam"), ("AKIDEXAMPLE", SECRET),
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    ),
    "s3-get-object": (
        "GET", "https://examplebucket.s3.amazonaws.com/test.txt", {**S3, "range": "bytes=0-9"},
        ("us-east-1", "s3"), S3_KEY,
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "s3-get-lifecycle": (
        "GET", "https://examplebucket.s3.amazonaws.com/?lifecycle=", S3, ("us-east-1", "s3"),
        S3_KEY, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "s3-list": (
        "GET", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", S3,
        ("us-east-1", "s3"), S3_KEY,
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors(name: str) -> None:
    method, url, headers, scope, key, signature = VECTORS[name]
    said = authorization(method, url, headers, EMPTY, scope, key)
    assert said.endswith(f"Signature={signature}")
    assert f"Credential={key[0]}/{headers['x-amz-date'][:8]}/{'/'.join(scope)}/aws4_request" in said


@pytest.mark.parametrize("service", ["s3", "secretsmanager", "ssm"])
def test_as_botocore_signs(service: str) -> None:
    """A hundred requests like ours, at random, are signed as boto3 would."""
    chance = random.Random(service)  # noqa: S311 - to repeat it
    for _ in range(100):
        body = chance.randbytes(chance.randrange(200)) if service != "s3" else b""
        name = "".join(chance.choices("abcXYZ019-_.", k=12))
        region = chance.choice(["eu-central-1", "us-gov-west-1", "cn-north-1"])
        url = f"https://{service}.{region}.amazonaws.com/" + (f"b/{name}" if not body else "")
        method = "POST" if body else "GET"
        digest = hashlib.sha256(body).hexdigest()
        headers = {"x-amz-content-sha256": digest, "x-amz-target": f"Some.{name}"}
        token = chance.randbytes(30).hex()
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        key = Credentials(f"AKIA{name}", chance.randbytes(20).hex(), token)
        (S3SigV4Auth if service == "s3" else SigV4Auth)(key, service, region).add_auth(request)
        ours = authorization(
            method,
            url,
            {
                **headers,
                "host": url.split("/")[2],
                "x-amz-date": request.headers["X-Amz-Date"],
                "x-amz-security-token": token,
            },
            digest,
            (region, service),
            (key.access_key, key.secret_key),
        )
        assert ours == request.headers["Authorization"].replace(", ", ",")
