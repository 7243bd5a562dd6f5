"""What a platform is, as far as user-data is concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodeseed.spec.fields import Block

Encoding = Literal["gzip", "base64-gzip", "mime", "plain"]
Counted = Literal["bytes", "base64"]


class NoOptions(Block):
    """A platform without keys of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One row of the table.

    Attributes:
        name: what the cluster file calls it.
        title: what people call it.
        limit: the most that it takes as user-data, in bytes as ``counted``; None: no practical one.
        counted: ``bytes``: the user-data file itself; ``base64``: its base64 form.
        encoding: what the user-data file is: ``gzip`` (cloud-init unpacks it), ``base64-gzip`` (its
            text form, where the platform's cloud-init source decodes), ``mime`` (text with a base64
            part, where only text survives), ``plain``.
        text_form: whether a console or API wants base64 text, written as user-data.b64.
        paste: where the user-data goes.
        metadata: addresses of its metadata service; empty: none.
        metadata_where: where it is, if it has no address that all machines know.
        node_name: what its cloud controller manager wants nodes to be called.
        provider_id: how that names a machine in ``spec.providerID``; empty: there is none.
        node_source: where these three come from.
        tells_provider_id: whether a kubelet is told its provider ID, since the name does not do;
            its words ZONE and INSTANCE-ID are what cloud-init knows.
        machine_domains: domains in which none but the platform gives names, and only to machines.
        reserved_first: addresses at the start of each subnet that machines cannot have.
        reserved_last: the same at its end.
        flat_layer2: whether frames between machines pass unfiltered, as ``cni: bridge`` needs.
        hairpin: whether a machine fails to reach itself through the platform's load balancer.
        needs_subnets: whether zones, and so ``networking.subnets``, must be told.
        nocloud: whether meta-data and network-config go with the user-data.
        transports: what can carry a payload beside its user-data (:mod:`nodeseed.transports`).
        builder: what makes an image for it: the file ``packer/BUILDER.pkr.hcl``. Most take a disk.
        builder_variables: keys of the ``platform`` block by the variable of that file that they
            fill.
        options: the keys of the ``platform`` block beside its name.
        source: where limit and encoding come from.
    """

    name: str
    title: str
    limit: int | None
    counted: Counted = "bytes"
    encoding: Encoding = "gzip"
    text_form: bool = False
    paste: str
    metadata: tuple[str, ...] = ()
    metadata_where: str = ""
    node_name: str
    provider_id: str = ""
    node_source: str
    tells_provider_id: bool = False
    machine_domains: tuple[str, ...] = ()
    reserved_first: int = 1
    reserved_last: int = 1
    flat_layer2: bool = False
    hairpin: bool = False
    needs_subnets: bool = False
    nocloud: bool = False
    transports: tuple[str, ...] = ()
    builder: str = "qemu"
    builder_variables: tuple[tuple[str, str], ...] = ()
    options: type[Block] = NoOptions
    source: str
