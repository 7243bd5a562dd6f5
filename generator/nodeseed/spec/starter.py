"""The commented cluster file that ``nodeseed new`` writes."""

from __future__ import annotations

from string import Template

_STARTER = Template("""\
# Cluster $name. Every field and its default: docs/cluster-file.md
apiVersion: nodeseed.dev/v1alpha1
kind: Cluster
name: $name                     # never changes: every key follows from it

platform: {name: nocloud}       # or aws, gcp, azure, hetzner, openstack, … (docs/platforms.md)

kubernetes:
  version: "1.37.2"             # in quotes; nothing is looked up at boot

endpoint:
  host: api.$name.example.com   # what workers and people call the API: a load balancer of yours
  port: 6443
  provider: external

networking:
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/12
  nodeSubnet: 10.0.0.0/24       # the machines' own subnet
  cni: bridge                   # pods by arithmetic on one layer-2 subnet; elsewhere: none

nodes:                          # an odd number of control planes: 1, 3 or 5
  - {name: cp-1, role: control-plane, address: 10.0.0.11}
  - {name: cp-2, role: control-plane, address: 10.0.0.12}
  - {name: cp-3, role: control-plane, address: 10.0.0.13}

pools:                          # machines alike, each with an identity of its own: worker-1, …
  - {name: worker, role: worker, count: 2, firstAddress: 10.0.0.21}
""")


def starter(name: str) -> str:
    """A cluster file for ``name`` (a DNS label) that renders as it is."""
    return _STARTER.substitute(name=name)
