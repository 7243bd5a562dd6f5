"""kubeadm and Packer agree with what the node image is made from."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nodeseed.bake import bake
from nodeseed.errors import ImageError
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.outputs.packer import CREDENTIALS, packer
from nodeseed.platforms import PLATFORMS
from nodeseed_lab import component_images
from nodeseed_lab.programs import program

SPEC = """
apiVersion: nodeseed.dev/v1alpha1
kind: Cluster
name: test
platform: {{name: nocloud}}
kubernetes:
  version: 1.37.2
  software: {{baked: {{architecture: {architecture}, sha256: {sums}}}}}
endpoint: {{host: api.test.example.com}}
networking:
  {{podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12, nodeSubnet: 10.0.0.0/24}}
storage: {{clients: [nfs]}}
nodes:
- {{name: cp-1, role: control-plane, address: 10.0.0.11}}
"""
SUMS = dict.fromkeys(("kubelet", "kubeadm", "kubectl", "containerd", "etcd"), "5" * 64)

# What the operator says beside the cluster file.
OWN = {
    "aws": {},
    "gcp": {"gcp_project": "project"},
    "azure": {"azure_subscription": "0" * 8, "azure_resource_group": "images"},
    "openstack": {"openstack_network": "4d2a8ad5-3ae8-4b8e-9a3a-2c0b5f1c7d11"},
    "hetzner": {},
    "nocloud": {"qemu_disk_checksum": "none"},  # its publisher's list is on the internet
}


def test_the_images_are_those_that_kubeadm_wants() -> None:
    listed = subprocess.run(
        [
            *(program("kubeadm-1.37"), "config", "images", "list"),
            *("--kubernetes-version", component_images.RELEASE),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    beside = {"node-cache", "probe"}  # of our add-ons, and of the tests
    ours = {tag for stage, tag in component_images.TAGS.items() if stage not in beside}
    assert ours == set(listed.stdout.split())


class Keystone(http.server.BaseHTTPRequestHandler):
    """OpenStack's identity service, which Packer greets before it looks at anything."""

    def do_GET(self) -> None:
        url = f"http://{self.headers['Host']}/v3/"
        links = [{"rel": "self", "href": url}]
        self._answer(
            300, {"versions": {"values": [{"id": "v3.14", "status": "stable", "links": links}]}}
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        catalog = [
            {
                "type": kind,
                "name": kind,
                "endpoints": [
                    {"interface": "public", "region": "one", "region_id": "one", "id": kind,
                     "url": f"http://{self.headers['Host']}/{kind}"}
                ],
            }
            for kind in ("compute", "image", "network", "volumev3")
        ]  # fmt: skip
        token = {"expires_at": "2099-01-01T00:00:00.000000Z", "catalog": catalog, "methods": []}
        self._answer(201, {"token": token})

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Subject-Token", "token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Clouds that know nobody, but for one OpenStack; none is asked over the network."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HCLOUD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keystone) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, value in {
            "OS_AUTH_URL": f"http://127.0.0.1:{server.server_port}/v3",
            "OS_USERNAME": "someone",
            "OS_PASSWORD": "secret",
            "OS_PROJECT_NAME": "project",
            "OS_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": "one",
        }.items():
            monkeypatch.setenv(name, value)
        yield monkeypatch
        server.shutdown()


def cluster(folder: Path, architecture: str = "amd64") -> ClusterState:
    spec = folder / "test.yaml"
    spec.write_text(SPEC.format(architecture=architecture, sums=json.dumps(SUMS)))
    return ClusterState(spec)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
@pytest.mark.parametrize("platform", OWN)
def test_packer_accepts_each_clouds_template_with_the_clusters_variables(
    clouds: pytest.MonkeyPatch, tmp_path: Path, platform: str, architecture: str
) -> None:
    clouds.setenv("HCLOUD_TOKEN", "x" * 64)
    said = bake(
        cluster(tmp_path, architecture),
        tmp_path / "images",
        platform=platform,
        variables=OWN[platform],
        only_check=True,
    )
    assert said.endswith(f"Packer's {PLATFORMS[platform].builder} takes it; nothing was built.")


def test_every_builder_is_tried() -> None:
    assert {PLATFORMS[name].builder for name in OWN} | {"docker"} == set(CREDENTIALS)


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("gcp", "project_id must be specified"),
        ("azure", "managed_image_resource_group_name"),
        ("hetzner", "token for auth must be specified"),
    ],
)
def test_what_an_operator_forgot_is_said_before_anything_starts(
    clouds: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    platform: str,
    said: str,
) -> None:
    with pytest.raises(ImageError) as caught:
        bake(cluster(tmp_path), tmp_path, platform=platform, variables={})
    printed = capfd.readouterr()
    assert said in printed.out + printed.err
    assert CREDENTIALS[PLATFORMS[platform].builder] in str(caught.value)


def test_a_build_without_credentials_fails_and_says_where_they_come_from(
    clouds: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clouds.setenv("HOME", str(tmp_path))  # no ~/.aws
    with pytest.raises(ImageError, match="credentials come from AWS_PROFILE"):
        bake(cluster(tmp_path), tmp_path, platform="aws", variables={})
    assert "NoCredentialProviders" in capfd.readouterr().out


def test_packer_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="kubernetes_version"):
        packer("validate", builder="docker", log=tmp_path / "log")
