"""What a machine of an elastic pool waits for before it is a node, in words.

The kubelet gets its certificate by itself; where it gets none, its log says little.
"""

from __future__ import annotations

import re
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from nodeseed_node.https import tls
from nodeseed_node.machine import Machine

CURRENT = "var/lib/kubelet/pki/kubelet-client-current.pem"


def bootstrap(m: Machine) -> int:
    """Wait until the kubelet has its certificate, however long that takes."""
    m.until(lambda: _lacking(m))
    m.say("the kubelet has its certificate")
    return 0


def _lacking(m: Machine) -> str:
    if m.path(CURRENT).exists():
        return ""
    config = m.config
    token = re.findall(r"token: (\S+)", m.text("etc/kubernetes/bootstrap-kubelet.conf"))[0]
    to = urlsplit(config["server"]).netloc
    connection = HTTPSConnection(to, timeout=3, context=tls(m, "", ""))
    try:
        connection.request("GET", "/api", headers={"Authorization": f"Bearer {token}"})
        status = connection.getresponse().status
    except HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    pool, end = config["pool"], config["tokenEnd"]
    if status != 401:
        return (
            f"waiting for a control plane to approve the certificate of {config['node']}; if none "
            "does, `journalctl -u nodeseed-approve` there says why"
        )
    if m.before(end):
        return (
            f"the cluster does not know the token of pool {pool}, which is good until {end}: "
            "`kubectl apply -f pools.yaml` of the last render, or boot with its user-data"
        )
    return (
        f"the token of pool {pool} expired on {end}: `nodeseed renew --node {pool}`, "
        "`nodeseed render`, `kubectl apply -f pools.yaml`, then give the pool's launch template "
        "the new user-data"
    )
