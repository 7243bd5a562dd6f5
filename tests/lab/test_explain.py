"""Which unit, and which lines of its log, explain a machine that is not where it should be."""

from __future__ import annotations

from nodeseed_lab.explain import errors, unfinished


def test_units_that_failed_or_still_start() -> None:
    listed = """\
etcd.service                 loaded activating start-pre    etcd
kubelet.service              loaded activating auto-restart kubelet: The Kubernetes Node Agent
nodeseed-cluster.service     loaded failed     failed       nodeseed: set up the cluster
systemd-networkd.service     loaded failed     failed       Network Configuration
"""

    assert unfinished(listed) == {
        "etcd.service": "activating (start-pre)",
        "kubelet.service": "activating (auto-restart)",
        "nodeseed-cluster.service": "failed",
    }


def test_the_errors_of_a_log_in_kubernetes_form() -> None:
    good = "I1125 10:00:00.000000 1 server.go:1] started"
    first = 'E1125 10:00:01.000000     1 kubelet.go:2] "Unable to register node" err="no route"'
    second = 'E1125 10:00:02.000000     1 runtime.go:3] "RunPodSandbox failed" err="runc"'
    again = first.replace("10:00:01", "10:00:03")

    assert errors("\n".join([good, first, second, again, good])) == [second, again]
    assert errors(good) == [good]
    assert errors("") == []
