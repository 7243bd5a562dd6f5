"""The payload that the user-data only names: asked for with the instance's own role, and checked.

The stub (`fetch.json`) says where the parts are and what the whole must hash to. There is no
credential in it: the metadata service (IMDSv2) lends the instance role's, anew for each try. What
comes is written as cloud-init would have written it; the install step then checks and places it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import random
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from nodeseed_node.machine import Machine

STUB = "etc/nodeseed/fetch.json"
METADATA = "http://169.254.169.254/latest/"

# What AWS's error codes mean at night; the first that fits.
CAUSES = (
    ("Skewed|Expired:|SignatureExp|not yet current", "the clock is {skew:+.0f} s off AWS's"),
    ("NotFound|NoSuch", "not there: run nodeseed publish"),
    ("Throttl|SlowDown|TooMany|RequestLimit|Unavailable|^5|^429", "throttled"),
    ("AccessDenied", "denied, or not there: give the role iam-policy.json, run nodeseed publish"),
    ("Redirect|AuthorizationHeader", "wrong region"),
)

# Code and message in an answer that is no part, as XML or JSON.
SAID = re.compile(r'(?:<Code>|<Message>|(?:__type|[Mm]essage)":\s*")([^<"]+)')


def fetch(m: Machine, unpack: Callable[[bytes], bytes] = gzip.decompress) -> int:
    """Get this node's payload unless it, or a newer one, is in place; then have it installed."""
    stub = m.load(STUB)
    install = ("systemctl", "start", "nodeseed-install.service")
    if not m.config:
        m.write("etc/nodeseed/config.json", json.dumps({"node": stub["who"][1]}))
    done = m.load("var/lib/nodeseed/installed.json")
    if done:
        m.run(*install)  # what is in place runs, whatever becomes of the newer one
    if done and done["who"] != stub["who"]:
        m.say(f"refused user-data that was made for another machine, {stub['who'][1]}")
        return 0
    if not done or done["revision"] < stub["revision"]:
        patiently(m, f"{stub['url']}: ", lambda: _fetched(m, stub, unpack))
        m.run("systemctl", "daemon-reload")
    m.say(f"revision {stub['revision']} is here")
    return m.run(*install)[0]


def patiently(m: Machine, about: str, missing: Callable[[], str]) -> None:
    """Try until nothing is missing, saying what is, with pauses of up to a minute."""
    pause = 1.0
    while said := missing():
        m.say(about + said)
        m.sleep(pause + random.random())  # noqa: S311 - so that not all ask at once
        pause = min(2 * pause, 60)


def _fetched(m: Machine, stub: Any, unpack: Callable[[bytes], bytes]) -> str:
    """Try once; give what is missing."""
    try:
        role = credentials()
        if isinstance(role, str):
            return role
        payload = b""
        for wanted in stub["requests"]:
            piece, said = part(m, stub, role, wanted)
            if said:
                return said
            payload += piece
        found = hashlib.sha256(payload).hexdigest()
        if found != stub["sha256"]:
            return f"tampered with: its SHA-256 is {found}, not {stub['sha256']}"
        files = json.loads(unpack(payload))
    except (OSError, HTTPException, ValueError) as error:
        return str(error) or repr(error)
    m.remove(stub["staging"])
    for path, mode, content in files:
        # the tree is checked before it is used; the installer itself must not be torn
        m.write(path, content, int(mode, 8), not path.startswith("var"))
    return ""


def _send(
    method: str, url: str, headers: Any, body: bytes = b"", seconds: int = 20
) -> tuple[int, Any, bytes]:
    to = urlsplit(url)
    kind = HTTPSConnection if to.scheme == "https" else HTTPConnection
    connection = kind(to.netloc, timeout=seconds)
    try:
        connection.request(method, to.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def credentials() -> Any:
    """Give the instance role's credentials, or text that says why there are none."""
    try:
        ttl = {"x-aws-ec2-metadata-token-ttl-seconds": "60"}
        code, _, token = _send("PUT", METADATA + "api/token", ttl, b"", 5)
        url = METADATA + "meta-data/iam/security-credentials/"
        if code == 200:
            session = {"x-aws-ec2-metadata-token": token.decode()}
            code, _, name = _send("GET", url, session, b"", 5)
            if code == 404 or not name.strip():
                return "no role: attach an instance profile to this instance"
            code, _, data = _send("GET", url + name.decode().split()[0], session, b"", 5)
            if code == 200:
                role = json.loads(data)
                if role["Code"] == "Success":
                    return role
                return f"no credentials for its role: {role['Code']}"
    except (OSError, HTTPException, ValueError, KeyError) as error:
        return f"metadata service: {error!r}"
    return f"metadata service: {code} for its role"


def part(m: Machine, stub: Any, role: Any, wanted: Any, method: str = "GET") -> tuple[bytes, str]:
    """Ask for one part; give it, or why it did not come.

    Args:
        m: Whose clock it is.
        stub: Where, and with which headers; what the answer looks like.
        role: Its credentials.
        wanted: What is posted; nothing: the URL says it all.
        method: What is done then.
    """
    body = json.dumps(wanted).encode() if wanted else b""
    headers = {
        "host": urlsplit(stub["url"]).netloc,
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(m.now())),
        "x-amz-security-token": role["Token"],
    }
    headers.update(stub["headers"])
    method = "POST" if body else method
    headers["authorization"] = authorization(
        method,
        stub["url"],
        headers,
        hashlib.sha256(body).hexdigest(),
        (stub["region"], stub["service"]),
        (role["AccessKeyId"], role["SecretAccessKey"]),
    )
    code, given, data = _send(method, stub["url"], headers, body)
    if code < 300:
        answer: Any = data
        for name in stub["answer"]:
            answer = (answer if isinstance(answer, dict) else json.loads(data))[name]
        return base64.b64decode(answer) if stub["answer"] else answer, ""
    said = " ".join([str(code), *SAID.findall(data.decode())])
    date = given["date"]
    skew = m.now() - parsedate_to_datetime(date).timestamp() if date else 0
    cause = [text.format(skew=skew) for sign, text in CAUSES if re.search(sign, said)]
    return b"", f"{(cause or ['refused'])[0]} ({said[:200]})"


def authorization(method: str, url: str, headers: Any, digest: str, scope: Any, key: Any) -> str:
    """Sign a request (AWS Signature Version 4).

    Args:
        method: Such as GET.
        url: The path as it is sent, the query sorted.
        headers: All that are to be signed, names in lower case; host and x-amz-date among them.
        digest: SHA-256 of the body, hexadecimal.
        scope: Region and service.
        key: Access key ID and secret access key.
    """
    to, names = urlsplit(url), ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}\n" for name in sorted(headers)]
    request = f"{method}\n{to.path or '/'}\n{to.query}\n{''.join(lines)}\n{names}\n{digest}"
    stamp = headers["x-amz-date"]
    steps = [stamp[:8], *scope, "aws4_request"]
    hashed = hashlib.sha256(request.encode()).hexdigest()
    signature = f"AWS4{key[1]}".encode()
    for text in [*steps, f"AWS4-HMAC-SHA256\n{stamp}\n{'/'.join(steps)}\n{hashed}"]:
        signature = hmac.new(signature, text.encode(), "sha256").digest()
    return (
        f"AWS4-HMAC-SHA256 Credential={'/'.join([key[0], *steps])},SignedHeaders={names},"
        f"Signature={signature.hex()}"
    )
