"""The benchmark of assembly: what it reads out of logs, and what it draws."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import yaml

from benchmarks.assembly.picture import Chart, picture
from benchmarks.assembly.serial import configuration, joining
from benchmarks.assembly.stages import Stage, between, kubeadm_beginnings, our_beginnings
from nodeseed_lab.timeline import Moment

PRINTED = """\
You can now join any number of control-plane nodes running the following command on each as root:

  kubeadm join 10.83.0.10:8443 --token ja0c7t.i3nuqpdr3s9cxsix \\
\t--discovery-token-ca-cert-hash sha256:e1b8 \\
\t--control-plane --certificate-key f2e9

Then you can join any number of worker nodes by running the following on each as root:

kubeadm join 10.83.0.10:8443 --token ja0c7t.i3nuqpdr3s9cxsix \\
\t--discovery-token-ca-cert-hash sha256:e1b8
"""


def test_what_kubeadm_prints_for_those_who_join() -> None:
    worker = [
        "10.83.0.10:8443",
        "--token=ja0c7t.i3nuqpdr3s9cxsix",
        "--discovery-token-ca-cert-hash=sha256:e1b8",
    ]

    assert joining(PRINTED) == {
        "worker": worker,
        "control-plane": [*worker, "--control-plane", "--certificate-key=f2e9"],
    }


def test_the_serial_way_has_its_own_etcd_and_ca() -> None:
    ours = yaml.safe_dump_all(
        [
            {
                "kind": "ClusterConfiguration",
                "etcd": {"external": {}},
                "apiServer": {"certSANs": ["10.83.0.10"], "extraArgs": [{"name": "x"}]},
                "networking": {"podSubnet": "10.244.0.0/16"},
            },
            {"kind": "KubeletConfiguration", "rotateCertificates": False, "failSwapOn": False},
        ]
    )

    assert list(yaml.safe_load_all(configuration(ours))) == [
        {
            "kind": "ClusterConfiguration",
            "apiServer": {"certSANs": ["10.83.0.10", "127.0.0.1"]},
            "networking": {"podSubnet": "10.244.0.0/16"},
        },
        {"kind": "KubeletConfiguration", "failSwapOn": False},
    ]


def test_a_stage_lasts_until_the_next_and_the_last_until_ready() -> None:
    said = [
        Moment(5, "nodeseed-install.service", "Starting nodeseed-install.service - …"),
        Moment(7, "nodeseed-wait-api.service", "Starting nodeseed-wait-api.service - …"),
        Moment(8, "wait-api", "waiting for https://10.83.0.10:8443: timed out"),
        Moment(20, "wait-api", "the API answers"),
    ]

    assert [(s.start, s.end, s.kind) for s in between(our_beginnings(said), 23)] == [
        (0, 5, "boot"),
        (5, 7, "prepare"),
        (7, 20, "wait"),
        (20, 23, "kubelet"),
    ]


def test_phases_of_kubeadm() -> None:
    def entry(at: float, message: str, **fields: str) -> str:
        return json.dumps(
            {"__REALTIME_TIMESTAMP": str(at * 1e6)[:-2], "MESSAGE": message, **fields}
        )

    journal = "\n".join(
        [
            entry(109, "Finished cloud-final.service", UNIT="cloud-final.service"),
            entry(130, "Started kubeadm.service", UNIT="kubeadm.service"),
            entry(131, "[preflight] Running pre-flight checks"),
            entry(132, "KERNEL_VERSION: 6.12"),
            entry(133, "[control-plane-check] Waiting for healthy control plane components"),
            entry(134, "kubeadm.service: Deactivated successfully.", UNIT="kubeadm.service"),
        ]
    )

    assert [(s.start, s.kind) for s in between(kubeadm_beginnings(journal, 100), 35)] == [
        (0, "boot"),
        (9, "wait"),
        (30, "prepare"),
        (33, "api"),
        (34, "kubelet"),
    ]


def test_the_picture_is_well_formed_and_as_wide_as_its_longest_run() -> None:
    stages = {"cp-1": [Stage(0, 9, "boot", "a & b"), Stage(9, 95, "wait", "its turn")]}
    charts = [
        Chart("quick", {"all nodes Ready": 9.0}, {"cp-1": 9.0}, stages),
        Chart("slow", {"all nodes Ready": 95.0}, {"cp-1": 95.0}, stages),
    ]

    root = ElementTree.fromstring(picture(charts))  # noqa: S314 - our own

    bars = root.findall(".//{*}rect")
    right = max(float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in bars)
    assert right <= float(root.attrib["width"])
