"""Whether a certificate request is the one that a machine of an elastic pool makes. Pure.

Kubernetes' own approver would let who has a bootstrap token become any node, a control plane's
included, and approves no serving certificates. Here a request has to be, but for its key, byte for
byte the one that a kubelet sends; with anything else in it, a person has to look.
"""

from __future__ import annotations

import base64
import re
from ipaddress import ip_address, ip_network
from typing import Any

SERVING = "kubernetes.io/kubelet-serving"
NODE = "system:node:"
GROUP = "system:bootstrappers:nodeseed:"  # and the pool's name

# What stands before the 64 bytes of a key of P-256, the only kind that kubelets make.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


def ours(spec: Any) -> bool:
    """Whether a request is for us to look at; renewals are approved by kube-controller-manager."""
    asked = any(group.startswith(GROUP) for group in spec["groups"])
    return asked or (spec["signerName"] == SERVING and spec["username"].startswith(NODE))


def refusal(spec: Any, config: Any, nodes: Any) -> str:
    """Say why a request of ours is not to be approved; nothing if it is.

    Args:
        spec: The spec of a CertificateSigningRequest. Who asks and in which groups stands there
            as the API server has authenticated it.
        config: Our own configuration.
        nodes: All Nodes.

    Raises:
        LookupError: The request is no PEM, or the Node that asks is gone.
        ValueError: The same.
    """
    data = base64.b64decode(base64.b64decode(spec["request"]).split(b"-----")[2])
    at = data.find(NODE.encode())
    name = data[at + len(NODE) : at + data[at - 1]].decode()  # its length stands before it
    pool = "".join(pool for pool in config["pools"] if name.startswith(f"{pool}-"))
    if not pool or not re.fullmatch("[-a-z0-9]{,63}", name):
        return f"{name} is no machine of an elastic pool"
    there = {
        node["metadata"]["name"]: [row["address"] for row in node["status"]["addresses"]]
        for node in nodes
    }
    serving = spec["signerName"] == SERVING
    if not serving and name in there:
        return f"there is a node {name}; if its machine is gone: kubectl delete node {name}"
    if spec["username"] != NODE + name if serving else GROUP + pool not in spec["groups"]:
        return f"{name} does not ask itself, or not with the token of pool {pool}"
    own = there.pop(name) if serving else []
    taken = sum(there.values(), config["taken"])
    names, addresses = [], []
    for text in sorted({*own}):
        if re.fullmatch(r"[\d.]+|.*:.*", text):
            address = ip_address(text)
            addresses.append(_der(0x87, address.packed))
            good = any(address in ip_network(subnet) for subnet in config["pools"][pool])
        else:
            names.append(_der(0x82, text.encode()))
            good = text == name or text.endswith(tuple(config["machineDomains"]))
        if not good or text in taken:
            return f"{text} is not an address that {name} may have"
    usages = {"digital signature", "server auth" if serving else "client auth"}
    wanted = _information(name, names + addresses)
    at = wanted.index(SPKI) + len(SPKI)
    found = data[4 if data[1] == 130 else 3 :][: len(wanted)]
    if (
        found[:at] + found[at + 64 :] != wanted[:at] + wanted[at + 64 :]
        or {*spec["usages"]} - {"key encipherment"} != usages
    ):
        return f"it is not what a kubelet of {name} sends"
    return ""


def _der(tag: int, *parts: bytes) -> bytes:
    """A value in DER, which is less than 64 KiB long."""
    data = b"".join(parts)
    size = len(data)
    long = [] if size < 128 else [129] if size < 256 else [130, size >> 8]
    return bytes([tag, *long, size & 255]) + data


def _information(name: str, sans: list[bytes]) -> bytes:
    """What a kubelet signs (pkg/kubelet/certificate/kubelet.go), as Go writes it, with no key."""
    subject = [
        _der(0x31, _der(0x30, bytes([6, 3, 85, 4, kind]), _der(0x13, text.encode())))
        for kind, text in ((10, "system:nodes"), (3, NODE + name))
    ]
    asked = b""
    if sans:
        names = _der(0x30, b"\6\3\x55\x1d\x11", _der(4, _der(0x30, *sans)))
        asked = _der(0x30, bytes.fromhex("06092a864886f70d01090e"), _der(0x31, _der(0x30, names)))
    return _der(0x30, b"\2\1\0", _der(0x30, *subject), SPKI + bytes(64), _der(0xA0, asked))
