"""docs/platforms.md: what each platform takes as user-data, and where it goes."""

from __future__ import annotations

from nodeseed.markdown import page, table
from nodeseed.platforms import PLATFORMS
from nodeseed.platforms.platform import Platform

_ENCODINGS = {
    "gzip": "gzip",
    "base64-gzip": "base64 of gzip",
    "mime": "MIME text with a gzip part",
    "plain": "plain text",
}


def text() -> str:
    """The page."""
    sizes = [
        (
            row.title,
            f"`{row.name}`",
            f"{row.limit:,} bytes" if row.limit else "none",
            {"bytes": "the file", "base64": "its base64 form"}[row.counted] if row.limit else "",
            _ENCODINGS[row.encoding],
            _files(row),
        )
        for row in PLATFORMS.values()
    ]
    networks = [
        (
            row.title,
            f"first {row.reserved_first}, last {row.reserved_last}",
            "yes" if row.flat_layer2 else "no: `cni: none`",
            "cannot" if row.hairpin else "can",
            "required" if row.needs_subnets else "",
        )
        for row in PLATFORMS.values()
    ]
    return page(
        "Platforms",
        "What each platform takes as user-data, and where it goes. `nodeseed render` refuses a "
        "user-data over the limit before anything is launched, with the bytes of each part.",
        table(
            ("Platform", "`platform.name`", "Limit", "Counted", "`user-data` is", "Files"), sizes
        ),
        "## Where to put it",
        table(
            ("Platform", "Where", "Source of the limit"),
            [(row.title, row.paste, row.source) for row in PLATFORMS.values()],
        ),
        "## Its machines as nodes",
        "A node's name is what the cluster file says, on every platform: hostname, kubelet and "
        "certificates have it from there. A cloud controller manager finds the machine by that "
        "name, so call the machine alike; it deletes nodes that it does not find. If you run one, "
        "write `platform.cloudProvider: external`: nodes then take pods once it has seen them, "
        "and on EC2, where the name does not do, kubelets say the provider ID. It comes with its "
        "own manifests (`manifests:`), must tolerate "
        "`node.cloudprovider.kubernetes.io/uninitialized`, and so must the pod network.",
        table(
            ("Platform", "Node name", "Provider ID", "Source"),
            [
                (
                    row.title,
                    row.node_name,
                    f"`{row.provider_id}`" if row.provider_id else "none",
                    row.node_source,
                )
                for row in PLATFORMS.values()
            ],
        ),
        "## Its metadata service",
        "It hands out user-data, and on many platforms the machine's role or token, to whoever "
        "asks. So nodes refuse TCP connections of pods to it (all but DNS), by a table of nftables "
        "of their own, written before the kubelet starts, each time it does. Nodes need `nft` for "
        "it; `networking.metadataFromPods: allow` leaves it out. What it does not stop: pods with "
        "`hostNetwork: true` (which is the way for those that need it, such as CSI drivers and "
        "cluster-autoscaler), and network add-ons that pass the kernel's forward path by, such as "
        "Cilium with BPF host routing: write a policy there. On EC2 a hop limit of 1 is the second "
        "lock.",
        "What cloud-init keeps of user-data on the node's own disk is removed at every boot, since "
        "it keeps it anew at every boot. Azure's stays: /var/lib/waagent/ovf-env.xml (root's own, "
        "mode 0600), from which its datasource reads each time.",
        table(
            ("Platform", "Metadata service", "Pods"),
            [
                (
                    row.title,
                    ", ".join(row.metadata) or row.metadata_where or "none",
                    "refused" if row.metadata else "reach it" if row.metadata_where else "",
                )
                for row in PLATFORMS.values()
            ],
        ),
        "## Its network",
        "Reserved: addresses of each subnet that no machine can have. Hairpin: whether a control "
        "plane can reach itself through the platform's load balancer; where it cannot, the "
        "endpoint must be a DNS name, which on control planes means the node itself.",
        table(
            ("Platform", "Reserved", "`cni: bridge`", "Hairpin", "`networking.subnets`"), networks
        ),
    )


def _files(row: Platform) -> str:
    names = ["user-data"]
    if row.encoding != "plain":
        names.append("user-data.yaml")
    if row.text_form:
        names.append("user-data.b64")
    if row.nocloud:
        names += ["meta-data", "network-config"]
    return ", ".join(f"`{name}`" for name in names)
