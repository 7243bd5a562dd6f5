"""The pages of docs/ that follow from the code: what a table here says is what nodeseed does.

``python -m nodeseed.reference docs`` writes them; tests/test_docs.py fails where they are stale.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal

import annotated_types
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from nodeseed import errors
from nodeseed.cli import app
from nodeseed.endpoints import ENDPOINTS
from nodeseed.markdown import page as _page
from nodeseed.markdown import table as _table
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
from nodeseed.platforms import PLATFORMS
from nodeseed.platforms.platform import Platform
from nodeseed.reference_components import components
from nodeseed.spec.cluster import Cluster, ProviderBlock
from nodeseed.spec.fields import Form
from nodeseed.spec.versions import KUBERNETES
from nodeseed.transports import TRANSPORTS

WIDTH = 100
_NO_DEFAULT: Final = object()


# --- The cluster file -------------------------------------------------------------------------


def cluster_file() -> str:
    """docs/cluster-file.md: every field with its form, default and meaning."""
    releases = list(KUBERNETES)
    top, sections = [], []
    for name, field in Cluster.model_fields.items():
        model = _model(field.annotation)
        if model is None:
            top.append(_row(name, field, _NO_DEFAULT))
            continue
        top.append(
            (f"[`{name}`](#{name.lower()})", _form(field), _default(field), field.description or "")
        )
        rows = list(_rows(_inside(name, field), model, _given(field)))
        sections += [f"## {name}", (model.__doc__ or "").strip(), _fields(rows)]
        if issubclass(model, ProviderBlock):
            sections += list(_providers(name))
    return _page(
        "The cluster file",
        f"Format `nodeseed.dev/v1alpha1`, strict YAML: nodeseed refuses an unknown key, a key that "
        f"stands twice and a number where text is meant. It renders Kubernetes {releases[0]} to "
        f"{releases[-1]}. `nodeseed new NAME` writes a file to start from; clusters/ holds "
        "examples.",
        "A field is required unless it has a default. `[]` in a path stands for each entry of a "
        "list.",
        _fields(top),
        *sections,
    )


def _fields(rows: Iterable[Iterable[str]]) -> str:
    return _table(("Field", "Value", "Default", "Meaning"), rows)


def _providers(name: str) -> Iterator[str]:
    """The keys that platforms, load balancers and transports bring along, those alike together."""
    tables: dict[str, Mapping[str, Any]] = {
        "platform": PLATFORMS,
        "endpoint": ENDPOINTS,
        "transport": TRANSPORTS,
    }
    table: dict[str, type[BaseModel]] = {row.name: row.options for row in tables[name].values()}
    alike: dict[type[BaseModel], list[str]] = {}
    for provider, options in table.items():
        alike.setdefault(options, []).append(provider)
    for options, providers in alike.items():
        whose = ", ".join(f"`{provider}`" for provider in providers)
        if options.model_fields:
            yield f"### {name} of {whose}"
            yield _fields(_rows(name, options, None))
        else:
            yield f"No keys of their own: {whose}."


def _rows(path: str, model: type[BaseModel], given: Any) -> Iterator[tuple[str, str, str, str]]:
    """A row for each field of ``model``, nested ones at their paths.

    Args:
        path: where the model stands.
        model: the block.
        given: its value where the operator writes nothing, as its parent says; None: none.
    """
    for name, field in model.model_fields.items():
        value = getattr(given, name) if given is not None else _NO_DEFAULT
        inner = _model(field.annotation)
        yield _row(f"{path}.{name}", field, value)
        if inner is not None:
            within = value if isinstance(value, BaseModel) else _given(field)
            yield from _rows(_inside(f"{path}.{name}", field), inner, within)


def _row(path: str, field: FieldInfo, value: Any) -> tuple[str, str, str, str]:
    default = _default(field) if value is _NO_DEFAULT else _shown(value)
    return f"`{path}`", _form(field), default, field.description or ""


def _inside(path: str, field: FieldInfo) -> str:
    """The path of what is in a field: ``nodes[]`` for a list."""
    return f"{path}[]" if typing.get_origin(field.annotation) is tuple else path


def _given(field: FieldInfo) -> BaseModel | None:
    value = field.get_default(call_default_factory=True)
    return value if isinstance(value, BaseModel) else None


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return "required" if value is PydanticUndefined else _shown(value)


def _shown(value: Any) -> str:
    """A default as the operator would write it; empty where that is nothing."""
    if value is None or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        hours, rest = divmod(value, timedelta(hours=1))
        return f"`{hours}h`" if not rest else f"`{value // timedelta(seconds=1)}s`"
    if isinstance(value, tuple):
        return ", ".join(_shown(entry) for entry in value)
    return f"`{value}`"


def _form(field: FieldInfo) -> str:
    return _form_of(field.annotation, field.metadata)


def _form_of(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What may be written, in words; the innermost type that says so wins."""
    metadata = list(metadata)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    for entry in metadata:
        if isinstance(entry, Form):
            return entry.text
    if origin is typing.Annotated:
        return _form_of(arguments[0], arguments[1:])
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin in (types.UnionType, typing.Union):
        return ", ".join(_form_of(one) for one in arguments if one is not types.NoneType)
    if origin is tuple:
        least = any(isinstance(entry, annotated_types.MinLen) for entry in metadata)
        return f"list{', not empty' if least else ''}: {_form_of(arguments[0])}"
    if origin is dict:
        return f"mapping: {_form_of(arguments[0])} → {_form_of(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "block"
    if annotation is bool:
        return "`true`, `false`"
    if annotation is int:
        return _range(metadata)
    pattern = next((entry.pattern for entry in metadata if hasattr(entry, "pattern")), None)
    return f"text of the form `{pattern}`" if pattern else "text"


def _range(metadata: Iterable[Any]) -> str:
    flat = [
        part
        for entry in metadata
        for part in (entry.metadata if isinstance(entry, FieldInfo) else [entry])
    ]
    low = next((part.ge for part in flat if isinstance(part, annotated_types.Ge)), None)
    high = next((part.le for part in flat if isinstance(part, annotated_types.Le)), None)
    return "whole number" + (f", {low} to {high}" if high is not None else "")


def _model(annotation: Any) -> type[BaseModel] | None:
    """The block inside ``X``, ``X | None`` or ``tuple[X, ...]``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_model(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model), None)


# --- Certificates -----------------------------------------------------------------------------

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


def certificates() -> str:
    """docs/certificates.md: the certificate table."""
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
    return _page(
        "Certificates",
        "Every key pair of a cluster, from the one table that issuing, placing and the expiry "
        "report walk. *node* is the node's name. The class decides algorithm and lifetime "
        "([cluster-file.md](cluster-file.md#pki)).",
        _table(("Name", "Signed by", "Subject", "Usages", "Class", "Key is held by"), rows),
        "## Where they lie, and what for",
        "A kubeconfig travels as a PEM pair; the node puts it together.",
        _table(("Name", "Path", "Purpose"), where),
        "## SANs",
        "A CA has its own Common Name as DNS name; every other certificate that is not listed has "
        "none.",
        _table(("Name", "SANs"), sans),
        "## What a node trusts",
        _table(("Node", "CA certificates"), trust),
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
        _table(
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


# --- Platforms --------------------------------------------------------------------------------

_ENCODINGS = {
    "gzip": "gzip",
    "base64-gzip": "base64 of gzip",
    "mime": "MIME text with a gzip part",
    "plain": "plain text",
}


def platforms() -> str:
    """docs/platforms.md: what each platform takes, and where it goes."""
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
    return _page(
        "Platforms",
        "What each platform takes as user-data, and where it goes. `nodeseed render` refuses a "
        "user-data over the limit before anything is launched, with the bytes of each part.",
        _table(
            ("Platform", "`platform.name`", "Limit", "Counted", "`user-data` is", "Files"), sizes
        ),
        "## Where to put it",
        _table(
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
        _table(
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
        _table(
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
        _table(
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


# --- Commands ---------------------------------------------------------------------------------

_ENVIRONMENT = (
    ("NODESEED_SEED", "The seed itself; wins over any seed file."),
    ("NODESEED_AGE_IDENTITY", "A file with the age or SSH key that opens an encrypted seed."),
)


def commands() -> str:
    """docs/commands.md: the help of every command, as it prints it."""
    group: Any = typer.main.get_command(app)
    root = _plain(group, "nodeseed", None)
    parts = [f"```text\n{group.get_help(root)}\n```"]
    for name, command in group.commands.items():
        said = command.get_help(_plain(command, name, root))
        parts += [f"## nodeseed {name}", f"```text\n{said}\n```"]
    return _page(
        "Commands",
        *parts,
        "## Environment",
        _table(("Variable", "Meaning"), [(f"`{name}`", what) for name, what in _ENVIRONMENT]),
        "## Exit codes",
        _table(("Code", "Meaning"), _exit_codes()),
    )


def _plain(command: Any, name: str, parent: Any) -> Any:
    """A context in which ``command`` shows its help without colours, in a fixed width."""
    command.rich_markup_mode = None
    return command.make_context(
        name,
        [],
        parent=parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )


def _exit_codes() -> Iterator[tuple[str, str]]:
    yield "0", "Success."
    yield "1", "Something unforeseen: a bug in nodeseed."
    yield "2", "A wrong command line."
    kinds = {getattr(errors, name) for name in errors.__all__} - {errors.Problem}
    leaves = [kind for kind in kinds if not kind.__subclasses__()]
    for kind in sorted(leaves, key=lambda kind: int(kind.exit_code)):
        yield str(kind.exit_code), (kind.__doc__ or "").strip()


PAGES: Final[dict[str, Callable[[], str]]] = {
    "cluster-file.md": cluster_file,
    "certificates.md": certificates,
    "platforms.md": platforms,
    "components.md": components,
    "commands.md": commands,
}


def pages() -> list[tuple[str, str]]:
    """Name and text of every page."""
    return [(name, page()) for name, page in PAGES.items()]


def main(folder: Path) -> None:
    """Write every page into ``folder``."""
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
