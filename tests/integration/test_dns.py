"""CoreDNS as each kubeadm deploys it with our patches, and what stands beside it as upstream has.

Neither the autoscaler nor the cache on every node can be built here: the Go module proxy has no
module of theirs. So their manifests are held against the strict schemas and, field by field,
against those that come with Kubernetes itself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from nodeseed_lab.programs import TABLE, program
from tests.integration.test_kubeadm import KUBEADM

if TYPE_CHECKING:
    from tests.integration.conftest import Rendered

Render = Callable[..., "Rendered"]

MANUAL: dict[str, Any] = {
    "replicas": 6,
    "requests": {"cpu": "70m", "memory": "70Mi"},
    "limits": {"cpu": "100m", "memory": "512Mi"},
    "cacheSize": 10000,
    "maxConcurrent": 1000,
}
MANIFESTS = "etc/nodeseed/manifests"


def kubeadm_prints(kubernetes: str, root: Path) -> dict[str, dict[str, Any]]:
    """The objects of the CoreDNS add-on by kind, from the files of an installed node."""
    config = root / "etc/kubernetes/kubeadm.yaml"
    text = config.read_text().replace("directory: ", f"directory: {root}")
    config.write_text(text)
    done = subprocess.run(
        [
            *(program(KUBEADM[kubernetes]), "init", "phase", "addon", "coredns"),
            *("--print-manifest", "--config", str(config)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [row for row in yaml.safe_load_all(done.stdout.partition("---")[2]) if row]
    return {row["kind"]: row for row in rows}


@pytest.mark.parametrize("kubernetes", KUBEADM)
def test_kubeadm_deploys_coredns_with_the_figures_of_the_cluster_file(
    render: Render, tmp_path: Path, kubernetes: str
) -> None:
    rendered = render(kubernetes={"version": kubernetes}, dns=MANUAL)
    root = rendered.install("cp-1", tmp_path / "cp-1")

    deployment = kubeadm_prints(kubernetes, root)["Deployment"]

    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"] == {key: MANUAL[key] for key in ("requests", "limits")}
    assert container["readinessProbe"]["periodSeconds"] == 2  # the patch of every cluster
    (spread,) = pod["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["maxSkew"]) == ("kubernetes.io/hostname", 1)
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert spread["labelSelector"] == deployment["spec"]["selector"]
    assert {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"} in pod[
        "tolerations"
    ]
    valid(deployment, kubernetes)


@pytest.mark.parametrize("kubernetes", KUBEADM)
def test_the_corefile_is_kubeadms_but_for_the_figures(
    render: Render, tmp_path: Path, kubernetes: str
) -> None:
    rendered = render(kubernetes={"version": kubernetes}, dns={})
    root = rendered.install("cp-1", tmp_path / "cp-1")
    ours = yaml.safe_load((root / "etc/nodeseed/coredns.yaml").read_text())
    theirs = kubeadm_prints(kubernetes, root)["ConfigMap"]

    assert ours["metadata"] == theirs["metadata"]
    without = ("success 9984", "denial 9984")
    lines = [line.strip() for line in ours["data"]["Corefile"].splitlines()]
    assert [line for line in lines if line not in without] == [
        line.strip() for line in theirs["data"]["Corefile"].splitlines() if line.strip()
    ]
    assert set(without) <= set(lines)
    valid(ours, kubernetes)


@pytest.mark.parametrize("kubernetes", KUBEADM)
@pytest.mark.parametrize("mode", ["nftables", "iptables", "ipvs"])
def test_every_manifest_is_valid(
    render: Render, tmp_path: Path, mode: str, kubernetes: str
) -> None:
    rendered = render(
        kubernetes={"version": kubernetes},
        proxy={"mode": mode},
        dns={"autoscaling": {}, "nodeLocal": {}, "zones": {"corp.test": ["10.0.0.53"]}},
    )
    root = rendered.install("cp-1", tmp_path / "cp-1")
    kinds = []
    for path in sorted((root / MANIFESTS).glob("*dns*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            valid(document, kubernetes)
            kinds.append(document["kind"])
    assert {"DaemonSet", "Deployment", "ClusterRole"} < set(kinds)
    assert ("Service" in kinds) == (mode == "iptables")


def test_the_cache_on_every_node_is_upstreams(render: Render, tmp_path: Path) -> None:
    for mode, listen in (("iptables", "169.254.20.10,10.96.0.10"), ("nftables", "169.254.20.10")):
        rendered = render(name=mode, proxy={"mode": mode}, dns={"nodeLocal": {}})
        root = rendered.install("cp-1", tmp_path / mode / "cp-1")
        ours = objects((root / MANIFESTS / "node-local-dns.yaml").read_text())
        text = (addons() / "dns/nodelocaldns/nodelocaldns.yaml").read_text()
        for pillar, value in (
            (",__PILLAR__DNS__SERVER__", ",10.96.0.10" if mode == "iptables" else ""),
            (" __PILLAR__DNS__SERVER__", " 10.96.0.10" if mode == "iptables" else ""),
            ("__PILLAR__LOCAL__DNS__", "169.254.20.10"),
            ("__PILLAR__DNS__DOMAIN__", "cluster.local"),
            # the image does the next two by itself in iptables mode, and the second always
            *([] if mode == "iptables" else [("__PILLAR__CLUSTER__DNS__", "10.96.0.10")]),
            ("__PILLAR__UPSTREAM__SERVERS__", "/etc/resolv.conf"),
        ):
            text = text.replace(pillar, value)
        theirs = objects(text)

        daemons, daemons_of_theirs = (
            found["DaemonSet", "node-local-dns"] for found in (ours, theirs)
        )
        pod = daemons_of_theirs["spec"]["template"]["spec"]
        # No kube-dns ConfigMap is read: the cluster file has the zones and the upstreams.
        pod["volumes"] = [row for row in pod["volumes"] if row["name"] != "kube-dns-config"]
        (container,) = pod["containers"]
        container["volumeMounts"] = [
            row for row in container["volumeMounts"] if row["name"] != "kube-dns-config"
        ]
        if mode != "iptables":  # the Service's own address does
            container["args"] = container["args"][:-2]
        assert daemons == without_defaults(daemons_of_theirs)
        assert container["args"][1] == listen
        assert blocks(ours["ConfigMap", "node-local-dns"]) == blocks(
            theirs["ConfigMap", "node-local-dns"]
        )
        upstream = ("Service", "kube-dns-upstream")
        if mode == "iptables":
            assert ours[upstream]["spec"]["selector"] == theirs[upstream]["spec"]["selector"]
        assert (upstream in ours) == (mode == "iptables")


def test_the_autoscaler_is_upstreams(render: Render, tmp_path: Path) -> None:
    rendered = render(dns={"autoscaling": {}})
    root = rendered.install("cp-1", tmp_path / "cp-1")
    ours = objects((root / MANIFESTS / "coredns-autoscaler.yaml").read_text())
    text = (addons() / "dns-horizontal-autoscaler/dns-horizontal-autoscaler.yaml").read_text()
    theirs = objects(text.replace("{{.Target}}", "deployment/coredns"))

    names = {"system:kube-dns-autoscaler", "kube-dns-autoscaler"}
    assert {name for _, name in ours} == names
    assert set(theirs) < set(ours)  # ours has the parameters as a ConfigMap, which can change
    rules = [
        found["ClusterRole", "system:kube-dns-autoscaler"]["rules"] for found in (ours, theirs)
    ]
    allowed = [
        {(group, what, verb) for rule in rows for group in rule["apiGroups"]
         for what in rule["resources"] for verb in rule["verbs"]}
        for rows in rules
    ]  # fmt: skip
    assert allowed[0] < allowed[1]
    assert {what for _, what, _ in allowed[1] - allowed[0]} == {
        "replicationcontrollers/scale",
        "replicasets/scale",
    }
    containers = [
        found["Deployment", "kube-dns-autoscaler"]["spec"]["template"]["spec"]["containers"]
        for found in (ours, theirs)
    ]
    ((our_one,), (their_one,)) = containers
    assert our_one["image"] == their_one["image"]
    parameters = [row for row in their_one["command"] if row.startswith("--default-params")]
    assert our_one["command"] == [row for row in their_one["command"] if row not in parameters]
    linear = yaml.safe_load(ours["ConfigMap", "kube-dns-autoscaler"]["data"]["linear"])
    theirs_linear = yaml.safe_load(parameters[0].partition("=")[2])["linear"]
    assert {**theirs_linear, "min": 2} == linear


def test_real_coredns_refuses_no_line_of_the_cache(render: Render, tmp_path: Path) -> None:
    """It is the same program with the same plugins; here it listens on loopback for a moment."""
    servers = ["10.0.0.53:5353", "fd00::5", "[fd00::54]:5353"]
    rendered = render(dns={"nodeLocal": {}, "zones": {"corp.test": servers}})
    root = rendered.install("cp-1", tmp_path / "cp-1")
    text = objects((root / MANIFESTS / "node-local-dns.yaml").read_text())[
        "ConfigMap", "node-local-dns"
    ]["data"]["Corefile"]
    for real, here in (("169.254.20.10", "127.0.0.1"), (":53 ", ":15353 "), (":9253", ":19253")):
        text = text.replace(real, here)
    file = tmp_path / "Corefile"
    file.write_text(text.replace("127.0.0.1:8080", "127.0.0.1:18080"))
    command = [program("coredns"), "-conf", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(5)]
        process.terminate()
    assert {f"{zone}.:15353 on 127.0.0.1" for zone in ("corp.test", "cluster.local")} < set(said)


@cache
def addons() -> Path:
    """The add-ons in the sources of the Kubernetes that the lab runs."""
    source = TABLE["kube-proxy-1.37"].source
    found = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"],
        cwd=source,
        env={**os.environ, "GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(found.stdout.strip()) / "cluster/addons"


def objects(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Objects by kind and name."""
    rows = [row for row in yaml.safe_load_all(text) if row]
    return {(row["kind"], row["metadata"]["name"]): row for row in rows}


def without_defaults(daemons: dict[str, Any]) -> dict[str, Any]:
    """What means the same unwritten, and the labels of Kubernetes' own add-on manager."""
    labels = daemons["metadata"]["labels"]
    daemons["metadata"]["labels"] = {"k8s-app": labels["k8s-app"]}
    pod = daemons["spec"]["template"]["spec"]
    for mount in pod["containers"][0]["volumeMounts"]:
        mount.pop("readOnly", None)
    for rows in (pod["volumes"], pod["containers"][0]["volumeMounts"]):
        for row in rows:
            row["name"] = row["name"].replace("config-volume", "config")
    return daemons


def blocks(config_map: dict[str, Any]) -> dict[str, list[str]]:
    """A Corefile's server blocks by zone, their lines in order, without the sizes of caches."""
    found: dict[str, list[str]] = {}
    zone = ""
    for line in config_map["data"]["Corefile"].splitlines():
        words = line.split()
        if words and words[-1] == "{" and ":53" in words[0]:
            zone = words[0]
            found[zone] = []
        elif words and words[0] not in ("cache", "success", "denial", "max_concurrent", "{", "}"):
            found[zone].append(" ".join(word for word in words if word != "{"))
    return {name: sorted(lines) for name, lines in found.items()}


def valid(document: dict[str, Any], kubernetes: str) -> None:
    minor = kubernetes.rpartition(".")[0]
    assert kubernetes_validate.validate(document, minor, strict=True) == minor
