"""AWS for a lab: EC2's metadata service and moto's server, at the real link-local address.

A container on the lab's network has 169.254.169.254 and passes everything on to this process, who
knows by the sender's address which machine asks. What EC2's network does, that this address is on
every machine's link, is a route in the machines' image.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import NotFound

from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.publication import load_index
from nodeseed.outputs.publish import Published, Wishes, publish
from nodeseed.outputs.stores import open_store
from nodeseed_lab.containers import CLUSTER_LABEL
from nodeseed_lab.lab import Lab
from nodeseed_lab.machine import LabMachine
from tests.outputs.aws import BUCKET, REGION, SERVICES, Cloud, moto
from tests.program.metadata import Answer, Metadata, served

ADDRESS = "169.254.169.254"
STORE = f"http://{ADDRESS}:8080"
START = f"""
ip address add {ADDRESS}/32 dev eth0
printf %s "$HAPROXY_CFG" >/run/haproxy.cfg
exec haproxy -db -f /run/haproxy.cfg
"""
ON_LINK = rf"""
RUN printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n\
ExecStart=ip route replace {ADDRESS} dev eth0\n' >/etc/systemd/system/on-link.service \
 && ln -s ../on-link.service /etc/systemd/system/sysinit.target.wants/
"""


@dataclass
class Amazon:
    """What stands at the address as long as it is switched on.

    Attributes:
        lab: the cluster whose machines ask.
        services: the metadata service as each node sees it, and each machine of a pool.
        asked: who asked the metadata service for a session, in this order.
        cloud: moto's server; there as long as it is switched on.
        operator: keys of whoever may publish, and may nothing else.
    """

    lab: Lab
    services: dict[str, Metadata] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cloud: Cloud | None = None
    operator: dict[str, str] = field(default_factory=dict)

    @property
    def index(self) -> dict[str, Any]:
        """The lab's publish.json."""
        lock = ClusterState(self.lab.spec).required_lock()
        return load_index(self.lab.design, self.lab.out, lock.revision)

    @contextmanager
    def on(self) -> Iterator[Cloud]:
        """A new account, a role for each node and one for the operator, and all of it enforced."""
        gateway = str(next(iter(self.lab.design.cluster.networking.nodeSubnet or ()))[1])
        with ExitStack() as stack:
            self.cloud = stack.enter_context(moto(gateway))
            self.cloud.prefix = "lab"
            for node in (machine.name for machine in self.lab.design.everyone):
                policy = (self.lab.out / node / "iam-policy.json").read_bytes()
                self.services[node] = Metadata()
                self.services[node].credentials = self.cloud.role(node, policy)
            lent = self.cloud.role(
                "operator", (self.lab.out / "publish-iam-policy.json").read_bytes()
            )
            self.operator = {
                "aws_access_key_id": lent["AccessKeyId"],
                "aws_secret_access_key": lent["SecretAccessKey"],
                "aws_session_token": lent["Token"],
            }
            metadata = stack.enter_context(served(self._handle, gateway))
            stack.enter_context(self._at_the_address(metadata, self.cloud.url))
            stack.enter_context(self.cloud.enforced())
            yield self.cloud

    def publish(self, *nodes: str) -> Published:
        """What ``nodeseed publish`` does, with the rendered policy; for all if none is named."""
        assert self.cloud
        index = self.index
        client = self.cloud.client(SERVICES[index["transport"]["name"]], **self.operator)
        return publish(
            index, self.lab.out, open_store(index["transport"], client), Wishes(nodes=nodes)
        )

    def names(self) -> set[str]:
        """The names of all parts that are in the store."""
        assert self.cloud
        index = self.index
        client = self.cloud.client(SERVICES[index["transport"]["name"]], **self.operator)
        return set(open_store(index["transport"], client).names(index["prefix"]))

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        address = headers["x-forwarded-for"]
        known = [m.name for m in self.lab.design.machines if m.address == address]
        [node] = known or [pool.name for pool in self.lab.design.pools]  # whose machine grew
        if method == "PUT":
            self.asked.append(node)
        return self.services[node].handle(method, path, headers, body)

    @contextmanager
    def _at_the_address(self, metadata: str, store: str) -> Iterator[None]:
        configuration = f"""\
defaults
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen metadata
  mode http
  option forwardfor
  bind {ADDRESS}:80
  server here {metadata.removeprefix("http://")}
listen store
  mode tcp
  bind {STORE.removeprefix("http://")}
  server here {store.removeprefix("http://")}
"""
        remove(self.lab.name)
        client = docker.from_env()
        container = client.containers.create(
            self.lab.image,
            name=_container(self.lab.name),
            environment={"HAPROXY_CFG": configuration},
            entrypoint=["/bin/sh", "-c"],
            command=[START],
            cap_add=["NET_ADMIN"],
            stop_signal="SIGTERM",
            network=self.lab.name,
            labels={CLUSTER_LABEL: self.lab.name},
        )
        container.start()
        try:
            yield
        finally:
            client.close()
            remove(self.lab.name)


def _container(cluster: str) -> str:
    return f"{cluster}-amazon"


def remove(cluster: str) -> None:
    """Remove what a test run that was killed left behind."""
    client = docker.from_env()
    try:
        client.containers.get(_container(cluster)).remove(force=True)
    except NotFound:
        pass
    finally:
        client.close()


def fetched(spec: dict[str, Any], name: str, **keys: Any) -> None:
    """Change a cluster file so that its machines fetch their payloads here."""
    spec["platform"]["metadata"] = "ec2"
    bucket = {"bucket": BUCKET} if name == "s3" else {}
    spec["transport"] = {"name": name, "region": REGION, "endpoint": STORE, **bucket, **keys}


def fetch_says(machine: LabMachine) -> str:
    """What a machine's fetch step said last."""
    return machine.steps().get("fetch", "")
