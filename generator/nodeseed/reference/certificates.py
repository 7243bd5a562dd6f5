"""docs/certificates.md: the certificate table."""

from __future__ import annotations

from datetime import timedelta

from nodeseed.markdown import page, table
from nodeseed.pki.authority import BACKDATED
from nodeseed.pki.certificates import (
    BY_NAME,
    CERTIFICATES,
    PROFILES,
    TRUST,
    Certificate,
    Names,
    Profile,
)

_HOLDERS = {
    "control-plane": "each control plane",
    "etcd-member": "each etcd member",
    "kubelet": "each control plane and worker",
    "load-balancer": "each load balancer",
    "kube-vip": "each control plane with endpoint `kube-vip`",
    "operator": "the operator alone",
}
_SAMPLE = Names(
    node="*node*",
    addresses=("*node's addresses*",),
    service_names=(
        "`kubernetes`",
        "`kubernetes.default`",
        "`kubernetes.default.svc`",
        "`kubernetes.default.svc.`*dnsDomain*",
    ),
    service_addresses=("*first address of each serviceSubnet*",),
    endpoint="*endpoint.host*",
    virtual_address="*endpoint.address*",
    extra=("*apiServer.certSANs*",),
)


def text() -> str:
    """The page."""
    rows = [
        (
            f"`{row.name}`",
            _signed_by(row),
            _subject(row),
            ", ".join(row.usages) or ("signs certificates" if row.is_ca else "signs tokens"),
            row.klass,
            _held_by(row),
        )
        for row in CERTIFICATES
    ]
    where = [(f"`{row.name}`", _path(row), row.purpose) for row in CERTIFICATES]
    sans = [
        (f"`{row.name}`", ", ".join(_words(name) for name in row.alternative_names(_SAMPLE)))
        for row in CERTIFICATES
        if row.alternative_names(_SAMPLE)
    ]
    trust = [(_HOLDERS[holder], ", ".join(f"`{n}`" for n in TRUST[holder])) for holder in TRUST]
    hours = int(BACKDATED / timedelta(hours=1))
    return page(
        "Certificates",
        "Every key pair of a cluster, from the one table that issuing, placing and the expiry "
        "report walk. *node* is the node's name. The class decides algorithm and lifetime "
        "([cluster-file.md](cluster-file.md#pki)).",
        table(("Name", "Signed by", "Subject", "Usages", "Class", "Key is held by"), rows),
        "## Where they lie, and what for",
        "A kubeconfig travels as a PEM pair; the node puts it together.",
        table(("Name", "Path", "Purpose"), where),
        "## SANs",
        "A CA has its own Common Name as DNS name; every other certificate that is not listed has "
        "none.",
        table(("Name", "SANs"), sans),
        "## What a node trusts",
        table(("Node", "CA certificates"), trust),
        "## Common to all",
        f"- Valid from {hours} hours before the day of issue, so that a machine whose clock is "
        "behind takes them; never longer than their CA.\n"
        "- Key usage: `digitalSignature`; CAs also `keyCertSign` and `cRLSign`. CAs have path "
        "length 0.\n"
        "- The serial number is a hash of everything else in the certificate: other content, "
        "other serial.\n"
        "- Signatures are deterministic (RFC 6979 for ECDSA): equal content, equal bytes.",
        "## Profiles",
        "`pki.profile` chooses a house style.",
        table(
            ("Profile", "Subjects that differ", "`keyEncipherment`", "Spread of lifetimes"),
            [(f"`{name}`", *_differences(profile)) for name, profile in PROFILES.items()],
        ),
    )


def _signed_by(row: Certificate) -> str:
    if row.is_ca:
        return "itself"
    return f"`{row.issuer}`" if row.issuer else "nobody: a bare key pair"


def _subject(row: Certificate) -> str:
    common_name = row.common_name.format(node="NODE")
    organization = f", O=`{row.organization}`" if row.organization else ""
    return f"CN=`{common_name}`{organization}" if common_name else ""


def _held_by(row: Certificate) -> str:
    shared = row.holder != "operator" and not row.of_node
    way = f", with `manifests: {row.way}`" if row.way else ""
    return f"{_HOLDERS[row.holder]}{', the same one' if shared else ''}{way}"


def _path(row: Certificate) -> str:
    if row.holder == "operator" and not row.is_ca:
        return f"`{row.path}` in the output folder"
    if row.kubeconfig:
        return f"`{row.path}`"
    if row.is_ca:
        return f"`{row.path}.crt`"
    return f"`{row.path}.{'crt' if row.issuer else 'pub'}`, `.key`"


def _words(name: str) -> str:
    return name if name.startswith(("*", "`")) else f"`{name}`"


def _differences(profile: Profile) -> tuple[str, str, str]:
    subjects = ", ".join(f"`{n}`: CN=`{cn}`" for n, cn in profile.common_names.items())
    unknown = profile.common_names.keys() - BY_NAME.keys()
    if unknown:
        raise ValueError(f"no certificate has the name {', '.join(unknown)}")
    encipherment = {None: "only with RSA keys (RFC 8813)", True: "every leaf", False: "never"}
    spread = f"up to {profile.spread:.0%} either way" if profile.spread else "none"
    return subjects or "none", encipherment[profile.key_encipherment], spread
