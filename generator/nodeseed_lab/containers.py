"""What one machine is to Docker: bodies for the Engine API, worked out from the cluster. Pure.

The bodies go to the API as they are (``POST /containers/create``), since the Docker SDK has no word
for unmasked system paths, without which systemd and the kubelet cannot do their work.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker.types import IPAMConfig, IPAMPool

from nodeseed.nodes.design import Design, node_subnets
from nodeseed.nodes.machine import Machine
from nodeseed.platforms.nocloud import Options
from nodeseed.spec.fields import in_bytes, parse_address
from nodeseed_lab.disks import FOLDER, disk_volume
from nodeseed_lab.errors import LabError

CLUSTER_LABEL = "nodeseed.dev/cluster"
NODE_LABEL = "nodeseed.dev/node"
LOAD_BALANCER = "load-balancer"

# overlayfs cannot lie on overlayfs, and a wipe is the removal of these.
VOLUMES = {
    "containerd": "/var/lib/containerd",
    "kubelet": "/var/lib/kubelet",
    "etcd": "/var/lib/etcd",
}
SEED_FOLDER = "/var/lib/cloud/seed/nocloud"

# The table that cuts a machine off from everybody else; its own pods still reach it.
CUT = "nodeseed_cut"
CUT_RULES = f"""
table inet {CUT} {{
  chain in {{ type filter hook prerouting priority -400; iifname "eth0" drop; }}
  chain out {{ type filter hook postrouting priority 400; oifname "eth0" drop; }}
}}
"""


def container_name(cluster: str, node: str) -> str:
    """The container of a node."""
    return f"{cluster}-{node}"


def volume_names(cluster: str, node: str) -> dict[str, str]:
    """The node's volumes, and where each is mounted."""
    return {f"{cluster}-{node}-{name}": path for name, path in VOLUMES.items()}


def network_arguments(design: Design) -> dict[str, Any]:
    """The Docker network that is the machines' subnet, its gateway at the first address.

    Returns:
        What ``docker.networks.create`` takes.
    """
    subnets = design.cluster.networking.nodeSubnet
    if subnets is None:
        raise LabError(
            f"{design.cluster.name}: the lab needs one flat network; write networking.nodeSubnet"
        )
    pools = [IPAMPool(subnet=str(subnet), gateway=str(subnet[1])) for subnet in subnets]
    return {
        "name": design.cluster.name,
        "driver": "bridge",
        "enable_ipv6": any(subnet.version == 6 for subnet in subnets),
        "ipam": IPAMConfig(pool_configs=pools),
        "labels": {CLUSTER_LABEL: design.cluster.name},
    }


def endpoint_address(design: Design) -> str:
    """Where clients outside the nodes connect: the VIP, or the load balancer that the lab brings.

    That one has the endpoint's own address where the cluster file gives one, and the second of the
    machines' subnet where it gives a name. Where workers balance for themselves alone, it is the
    first control plane.
    """
    if design.virtual_address is not None:
        return str(design.virtual_address)
    host = design.cluster.endpoint.host
    if parse_address(host) is not None:
        return host
    if not brings_load_balancer(design):
        return design.control_planes[0].address
    return str(node_subnets(design.cluster)[0][2])


def brings_load_balancer(design: Design) -> bool:
    """Whether the cluster has no load balancer of its own, so that the lab has to bring one."""
    return design.cluster.endpoint.provider == "external"


def node_body(
    design: Design,
    machine: Machine,
    *,
    image: str,
    seed: Path,
    labels: Mapping[str, str],
    cut_off: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The container of one node: an empty machine with its user-data, and nothing else of ours.

    Args:
        design: the cluster.
        machine: the node.
        image: tag of the baked node image.
        seed: folder with the node's user-data, meta-data and network-config.
        labels: further labels.
        cut_off: the image's own command, if the machine is to start without a network.
    """
    cluster = design.cluster.name
    options = design.platform_options
    if not isinstance(options, Options):
        raise LabError(
            f"{cluster}: platform {design.platform.name} is not for the lab, whose machines boot "
            "from NoCloud files; write platform: {name: nocloud}"
        )
    binds = [f"{seed.resolve()}:{SEED_FOLDER}:ro"]
    binds += [f"{name}:{path}" for name, path in volume_names(cluster, machine.name).items()]
    if disks := disk_volume(design):
        binds.append(f"{disks}:{FOLDER}")
    body: dict[str, Any] = {
        "Image": image,
        "Hostname": machine.name,
        # Its console is a terminal, as a machine's is: what it says there is what `up` shows.
        "Tty": True,
        # systemd 257 refuses cgroup v1, which such hosts may still have, unless it is told.
        "Env": ["container=docker", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"],
        "StopSignal": "SIGRTMIN+3",  # systemd's word for power off
        "StopTimeout": 60,
        "Labels": {**labels, CLUSTER_LABEL: cluster, NODE_LABEL: machine.name},
        "HostConfig": {
            "Binds": binds,
            "NetworkMode": cluster,
            "CgroupnsMode": "private",
            # Not privileged: on hosts without CAP_SYS_RESOURCE such a container does not start.
            "CapAdd": ["ALL"],
            "CapDrop": ["SYS_RESOURCE"],
            "SecurityOpt": ["seccomp=unconfined", "apparmor=unconfined"],
            "MaskedPaths": [],
            "ReadonlyPaths": [],
            "Devices": [
                {
                    "PathOnHost": "/dev/kmsg",  # the kubelet reads the kernel's log
                    "PathInContainer": "/dev/kmsg",
                    "CgroupPermissions": "rwm",
                }
            ],
            "DeviceCgroupRules": ["a *:* rwm"],  # or no pod could be given any device
            "Tmpfs": {"/run": "", "/tmp": ""},  # noqa: S108 - the machine's own
            "Memory": in_bytes(options.memory),
            "NanoCpus": options.cpus * 1_000_000_000,
        },
        "NetworkingConfig": _networking(cluster, tuple(str(a) for a in machine.addresses)),
    }
    if brings_load_balancer(design) and machine.role != "control-plane":
        # Stands for the name server of a real site; control planes know the name themselves.
        body["HostConfig"]["ExtraHosts"] = [
            f"{design.cluster.endpoint.host}:{endpoint_address(design)}"
        ]
    if cut_off:
        body["Env"].append(f"CUT_RULES={CUT_RULES}")
        # at its first start alone: whoever reconnects it does so for good
        script = (
            '[ -e /.was-cut-off ] || printf %s "$CUT_RULES" | nft -f - '
            '&& touch /.was-cut-off && exec "$@"'
        )
        body["Entrypoint"] = ["/bin/sh", "-c", script, "sh"]
        body["Cmd"] = list(cut_off)
    return body


def load_balancer_body(design: Design, *, image: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """An haproxy in front of the API servers, where the endpoint is ``external``."""
    cluster = design.cluster
    servers = "\n".join(
        f"  server {machine.name} {design.local_api(machine).removeprefix('https://')}"
        " check check-ssl verify none inter 1s fall 2 rise 1 on-marked-down shutdown-sessions"
        for machine in design.control_planes
    )
    configuration = f"""\
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen api
  bind :{design.endpoint_port}
  option httpchk GET /readyz
  option redispatch
{servers}
"""
    return {
        "Image": image,
        "Hostname": LOAD_BALANCER,
        "Env": [f"HAPROXY_CFG={configuration}"],
        "Entrypoint": ["/bin/sh", "-c"],  # Packer leaves the image a shell as its own
        "Cmd": [
            'printf %s "$HAPROXY_CFG" > /run/haproxy.cfg && exec haproxy -db -f /run/haproxy.cfg'
        ],
        "StopSignal": "SIGTERM",
        "Labels": {**labels, CLUSTER_LABEL: cluster.name, NODE_LABEL: LOAD_BALANCER},
        "HostConfig": {"NetworkMode": cluster.name},
        "NetworkingConfig": _networking(cluster.name, (endpoint_address(design),)),
    }


def _networking(network: str, addresses: tuple[str, ...]) -> dict[str, Any]:
    given = {"IPv6Address" if ":" in address else "IPv4Address": address for address in addresses}
    return {"EndpointsConfig": {network: {"IPAMConfig": given}}}
