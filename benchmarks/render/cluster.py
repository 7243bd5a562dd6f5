"""The cluster of the benchmark: three control planes and many workers, rendered as users do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, Report, render_cluster
from nodeseed.pki.keys import generate_key

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECRET = bytes(range(32))


def cluster_file(workers: int) -> bytes:
    """Three control planes and a pool on AWS, all else by default."""
    return f"""\
apiVersion: nodeseed.dev/v1alpha1
kind: Cluster
name: bench
platform: {{name: aws, region: eu-central-1}}
kubernetes: {{version: "1.37.2"}}
endpoint: {{host: api.bench.example.com}}
networking:
  podSubnet: 10.128.0.0/9
  serviceSubnet: 10.96.0.0/12
  cni: none
  subnets: [{{cidr: 10.0.0.0/16, zone: eu-central-1a}}]
nodes:
  - {{name: cp-1, role: control-plane, address: 10.0.0.11}}
  - {{name: cp-2, role: control-plane, address: 10.0.0.12}}
  - {{name: cp-3, role: control-plane, address: 10.0.0.13}}
pools:
  - {{name: web, role: worker, count: {workers}, firstAddress: 10.0.1.0}}
""".encode()


def render(folder: Path, workers: int) -> Report:
    """A whole render into an empty folder, with fixed time and secret."""
    state = ClusterState(folder / "bench.yaml")
    state.spec.write_bytes(cluster_file(workers))
    chance = Chance(now=NOW, secret=lambda _: SECRET, generate_key=generate_key)
    return render_cluster(state, Choices(out=folder / "out"), chance)
