"""What nodeseed's own manifests have otherwise than kubeadm's, and why; test_rendered.py checks it.

A path is `Kind/name` and then the way to the field; entries of lists go by their name, flags of a
command by theirs. `*` stands for anything. A path counts where it is missing on one side, too.
"""

from __future__ import annotations

DEFAULT = "the API server and the kubelet set the same where nothing is said"
OF_KUBEADM = "only kubeadm reads it, and it is not there"

DIFFERENCES: dict[str, str] = {
    # static pods
    "Pod/*.containers.*.imagePullPolicy": DEFAULT,
    "Pod/*.containers.*Probe.failureThreshold": DEFAULT,
    "Pod/*.containers.*Probe.periodSeconds": DEFAULT,
    "Pod/*.containers.*Probe.httpGet.port": "the number itself: the name is for kubeadm's patches",
    "Pod/*.containers.*.ports.*": "nobody asks for the port by its name (see above)",
    "Pod/kube-apiserver.metadata.annotations.kubeadm.*": OF_KUBEADM,
    "Pod/kube-apiserver.*.command.--enable-bootstrap-token-auth": (
        "nodes do not join by bootstrap tokens, but for elastic pools, whose clusters have it"
    ),
    "Pod/kube-controller-manager.*.command.--controllers": (
        "two that are off by default look after bootstrap tokens; one of them with elastic pools"
    ),
    "Pod/*.command.--leader-elect": DEFAULT,
    "Pod/kube-controller-manager.spec.*.flexvolume-dir.*": (
        "FlexVolume is deprecated since 1.23; kubeadm mounts its folder up to 1.35"
    ),
    "Pod/*.etc-pki*": "where Red Hat's CA certificates are; kubeadm looks whether they are there",
    "Pod/*.etc-ca-certificates.*": "Go reads Debian's and Arch's one file, not what it links to",
    "Pod/*.usr-share-ca-certificates.*": "Go reads Debian's one file, and not what it links to",
    "Pod/*.usr-local-share-ca-certificates.*": "Go reads Debian's one file, not what it links to",
    # kube-proxy
    "Role/kube-proxy.*": "for `kubeadm join`, which reads the configuration",
    "RoleBinding/kube-proxy.*": "for `kubeadm join`, which reads the configuration",
    "ConfigMap/kube-proxy.data.kubeconfig.conf.*": (
        "KUBERNETES_SERVICE_HOST says the same in less: the endpoint, with the ServiceAccount"
    ),
    "ConfigMap/kube-proxy.data.config.conf.clientConnection.kubeconfig": (
        "KUBERNETES_SERVICE_HOST says the same in less: the endpoint, with the ServiceAccount"
    ),
    "ConfigMap/kube-proxy.data.config.conf.iptables.syncPeriod": "1m is 1m0s, as kubeadm writes it",
    "DaemonSet/kube-proxy.*.env.KUBERNETES_SERVICE_*": "in place of the kubeconfig",
    "DaemonSet/kube-proxy.*.command.--hostname-override": (
        "a machine's name is its node's name; nodeseed-preflight insists on it"
    ),
    "DaemonSet/kube-proxy.*.env.NODE_NAME.*": "for --hostname-override",
    "DaemonSet/kube-proxy.*.imagePullPolicy": DEFAULT,
    "DaemonSet/kube-proxy.*.readOnly": DEFAULT,
    "DaemonSet/kube-proxy.spec.updateStrategy.type": DEFAULT,
    # CoreDNS
    "Deployment/coredns.spec.strategy.type": DEFAULT,
    "Deployment/coredns.*.imagePullPolicy": DEFAULT,
    "Deployment/coredns.*Probe.httpGet.scheme": DEFAULT,
    "Deployment/coredns.*Probe.successThreshold": DEFAULT,
    "Deployment/coredns.*Probe.httpGet.port": "the number itself, as before 1.34",
    "Deployment/coredns.*.ports.*-probe.*": "nobody asks for the port by its name (see above)",
    "Deployment/coredns.*.containers.coredns.image": (
        "that of the release's own kubeadm; the one that is run here is a minor version newer"
    ),
    "Service/kube-dns.metadata.resourceVersion": "for an update; this is a server-side apply",
}
