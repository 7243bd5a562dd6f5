"""The whole way of terraform/aws: cluster file, what render makes of it, Terraform, and moto."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import requests
import yaml

from nodeseed import changes
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Choices, Report, render_cluster
from tests.integration.conftest import CHANCE

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"
INSTALL = "Terraform is missing: install 1.9 or newer from https://developer.hashicorp.com/terraform/install"
PROVIDER = "registry.terraform.io/hashicorp/aws"
MIRRORS = (
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "~/.terraform.d/plugins",
    "/opt/*",
)


def terraform() -> str:
    """The program."""
    found = shutil.which("terraform")
    assert found, INSTALL
    return found


def mirror() -> list[str]:
    """The argument that takes the provider from this machine; none: from the registry."""
    named = os.environ.get("NODESEED_TERRAFORM_PLUGINS")
    if named:
        assert (Path(named) / PROVIDER).is_dir(), f"NODESEED_TERRAFORM_PLUGINS: no {PROVIDER} there"
        return [f"-plugin-dir={named}"]
    for place in MIRRORS:
        first, *rest = Path(place).expanduser().parts
        for folder in sorted(Path(first).glob("/".join(rest))):
            if (folder / PROVIDER).is_dir():
                return [f"-plugin-dir={folder}"]
    return []


class Road:
    """A checkout's cluster file and module in a folder of its own, and an AWS to apply it to.

    Args:
        folder: for all of it.
        url: of moto's server.
        cluster: what the cluster file says.
    """

    def __init__(self, folder: Path, url: str, cluster: dict[str, Any]) -> None:
        self.folder = folder
        self.url = url
        self.name = cluster["name"]
        self.spec = folder / "clusters" / f"{self.name}.yaml"
        self.out = folder / "out" / self.name
        self.module = folder / "terraform" / "aws"
        self.state = self.module / "terraform.tfstate"
        self.spec.parent.mkdir(parents=True)
        self.spec.write_text(yaml.safe_dump(cluster, sort_keys=False))
        for part in ("cluster", "aws"):
            shutil.copytree(
                ROOT / "terraform" / part, self.module.parent / part, ignore=only_sources
            )

    def render(self, days: int = 0) -> Report:
        """As ``make userdata`` does, so many days after the first time."""
        chance = CHANCE.__class__(
            now=CHANCE.now + timedelta(days=days),
            secret=CHANCE.secret,
            generate_key=CHANCE.generate_key,
        )
        return render_cluster(ClusterState(self.spec), Choices(out=self.out), chance)

    def renew(self, days: int) -> str:
        """``nodeseed renew`` of everything, so many days after the first render."""
        now = CHANCE.now + timedelta(days=days)
        return changes.renew(ClusterState(self.spec), nodes=[], classes=[], new_keys=False, now=now)

    @property
    def variables(self) -> dict[str, Any]:
        """What render told Terraform."""
        found: dict[str, Any] = json.loads((self.out / "terraform.tfvars.json").read_text())
        return found

    def init(self) -> None:
        """Take the provider from a mirror, or from the registry."""
        code, said = self.run("init", *mirror())
        assert code == 0, (
            f"{said}\nThe AWS provider is missing: unpack it below a folder as "
            f"{PROVIDER}/VERSION/OS_ARCH and name that in NODESEED_TERRAFORM_PLUGINS"
        )

    def run(self, command: str, *arguments: str) -> tuple[int, str]:
        """One command of Terraform: its exit code, and all that it said."""
        done = subprocess.run(
            [terraform(), f"-chdir={self.module}", command, "-no-color", *arguments],
            env=_environment(self.url),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        said = done.stdout + done.stderr
        if "-json" not in arguments:  # else sentences are broken to the width of a screen
            said = " ".join(said.split())
        return done.returncode, said

    def apply(self, **variables: Any) -> str:
        """Apply, without a question."""
        code, said = self.run("apply", "-input=false", "-auto-approve", *_given(variables))
        assert code == 0, said
        return said

    def plan(self, *arguments: str, **variables: Any) -> tuple[int, str]:
        """Exit code 0: nothing to do; 1: refused; 2: something to do."""
        given = [*arguments, *_given(variables)]
        return self.run("plan", "-input=false", "-detailed-exitcode", *given)

    def planned(self, **variables: Any) -> dict[str, str]:
        """What a plan does, by the address of each resource that changes."""
        code, said = self.plan("-json", **variables)
        assert code != 1, said
        lines = [json.loads(line) for line in said.splitlines()]
        changes = [line["change"] for line in lines if line["type"] == "planned_change"]
        return {change["resource"]["addr"]: change["action"] for change in changes}

    def client(self, service: str) -> Any:
        """boto3's, as the operator's."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="operator",
            aws_secret_access_key="secret",
        )


@contextmanager
def served() -> Iterator[str]:
    """moto's server, empty but for the image that Packer would have baked."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Path(__file__).with_name("moto_server.py")
    url = f"http://127.0.0.1:{port}"
    moto = subprocess.Popen(
        [sys.executable, str(server), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while True:
            try:
                requests.get(f"{url}/moto-api/", timeout=10)
                break
            except requests.ConnectionError:
                assert time.monotonic() < end, "moto's server does not start"
                time.sleep(0.1)
        yield url
    finally:
        moto.terminate()
        moto.wait()


def _environment(url: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TF_")) and "proxy" not in name.lower()
    }
    return {
        **kept,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "operator",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
    }


def _given(variables: dict[str, Any]) -> list[str]:
    return [
        f"-var={name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in variables.items()
    ]


def only_sources(folder: str, names: list[str]) -> list[str]:
    """What copytree leaves behind: all but the module's own files."""
    return [name for name in names if not name.endswith(".tf")]
