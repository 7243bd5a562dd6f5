"""A whole cluster as machines in containers: rendered, booted all at once, watched, thrown away."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, NotFound

from nodeseed import changes
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, prepare, render_cluster
from nodeseed.pki.keys import generate_key
from nodeseed_lab.api import Api
from nodeseed_lab.containers import (
    CLUSTER_LABEL,
    LOAD_BALANCER,
    NODE_LABEL,
    brings_load_balancer,
    container_name,
    endpoint_address,
    load_balancer_body,
    network_arguments,
    node_body,
    volume_names,
)
from nodeseed_lab.disks import disk_names, disk_volume
from nodeseed_lab.errors import LabError
from nodeseed_lab.explain import explain
from nodeseed_lab.machine import LabMachine
from nodeseed_lab.programs import program
from nodeseed_lab.screen import CLUSTER, heard
from nodeseed_lab.timeline import Moment, timeline

READY_SECONDS = 600
TIMELINE = "timeline.json"
INOTIFY_INSTANCES = 8192

Hear = Callable[[str, str], None]  # a node (or "cluster"), and what it says


class Lab:
    """A cluster's machines.

    Args:
        spec: the cluster file.
        out: the folder that `nodeseed render` writes, from which the machines boot.
        image: tag of the node image; None: the one that the machines that are there have.
        client: the Docker to run on.
        labels: further labels for everything that is made.
    """

    def __init__(
        self,
        spec: Path,
        out: Path,
        *,
        image: str | None,
        client: docker.DockerClient,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._state = ClusterState(spec, seed_variable=os.environ.get("NODESEED_SEED"))
        self.design = prepare(self._state)
        self.spec = spec
        self.out = out
        self._image = image
        self._client = client
        self._labels = dict(labels or {})
        self._moments: list[Moment] = []
        self.machines = {
            machine.name: LabMachine(
                client,
                machine.name,
                container_name(self.name, machine.name),
                tuple(volume_names(self.name, machine.name)),
                partial(self._node_body, machine.name),
                disk_names(self.design, machine),
            )
            for machine in self.design.machines
        }
        self._load_balancer = LabMachine(
            client,
            LOAD_BALANCER,
            container_name(self.name, LOAD_BALANCER),
            (),
            lambda _: load_balancer_body(self.design, image=self.image, labels=self._labels),
        )

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.design.cluster.name

    @cached_property
    def image(self) -> str:
        """Tag of the image that its machines boot."""
        if self._image is not None:
            return self._image
        for machine in self.machines.values():
            if machine.state != "absent":
                return str(machine.container.attrs["Config"]["Image"])
        raise LabError(f"{self.name}: no machine is there; bring it up with `nodeseed-lab up`")

    @property
    def kubelets(self) -> list[str]:
        """The nodes that Kubernetes knows: no dedicated etcd members or load balancers."""
        return [machine.name for machine in self.design.machines if machine.is_node]

    def _node_body(self, name: str, cut_off: tuple[str, ...]) -> dict[str, object]:
        machine = next(machine for machine in self.design.machines if machine.name == name)
        return node_body(
            self.design,
            machine,
            image=self.image,
            seed=self.out / name,
            labels=self._labels,
            cut_off=cut_off,
        )

    @cached_property
    def api(self) -> Api:
        """The API through the load balancer, as the operator."""
        return Api(
            self.out / "admin.conf",
            address=endpoint_address(self.design),
            host=self.design.cluster.endpoint.host,
            port=self.design.endpoint_port,
            kubectl=program("kubectl-1.37"),
        )

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as the operator, through the load balancer; give what it printed."""
        return self.api.kubectl(*arguments, stdin=stdin)

    def render(self) -> None:
        """Write every node's user-data, as `nodeseed render` does.

        Machines of a lab live as long as their volumes, so where none is left no etcd lives either:
        then an old lock's bootstrap window is opened again.
        """
        now = datetime.now(UTC).replace(microsecond=0)
        lock = self._state.lock()
        if lock is not None and not lock.bootstrap.is_open(now) and not self.exists():
            changes.open_window(self._state, self.design, now=now)
        render_cluster(
            self._state,
            Choices(out=self.out, upgrade=True),
            Chance(now=now, secret=os.urandom, generate_key=generate_key),
        )

    def exists(self) -> bool:
        """Whether any of its machines or volumes is there."""
        there = {volume.name for volume in self._client.volumes.list()}
        return disk_volume(self.design) in there or any(
            machine.state != "absent" or there & set(volume_names(self.name, name))
            for name, machine in self.machines.items()
        )

    def boot(self) -> None:
        """Switch every machine on at the same moment; machines that run already are left alone."""
        self._make_network()
        machines = list(self.machines.values())
        if brings_load_balancer(self.design):
            machines.append(self._load_balancer)
        with ThreadPoolExecutor(len(machines)) as threads:
            list(threads.map(LabMachine.create, machines))
            list(threads.map(LabMachine.start, machines))
        # All machines count as one user of the host's kernel, whose usual 128 are too few: a
        # kubelet or containerd that gets no inotify instance ends.
        machines[0].run("sysctl", "--quiet", f"fs.inotify.max_user_instances={INOTIFY_INSTANCES}")

    def grow(self, pool: str, name: str, change: Callable[[str], str] = str) -> LabMachine:
        """Switch on a new machine of an elastic pool, as an autoscaling group would.

        Its platform gives it a name and an instance ID, the network an address; all else is the
        pool's user-data.

        Args:
            pool: the pool's name.
            name: what the platform calls the machine.
            change: what is different in its user-data.
        """
        kind = next(machine for machine in self.design.pools if machine.name == pool)
        seed = self.out.with_name(f"{self.out.name}.{name}")
        seed.mkdir(exist_ok=True)
        user_data = (self.out / pool / "user-data").read_text(encoding="utf-8")
        (seed / "user-data").write_text(change(user_data), encoding="utf-8")
        meta_data = {"instance-id": f"{self.name}-{name}", "local-hostname": name}
        (seed / "meta-data").write_text(json.dumps(meta_data), encoding="utf-8")
        self.machines[name] = LabMachine(
            self._client,
            name,
            container_name(self.name, name),
            tuple(volume_names(self.name, name)),
            lambda cut_off: node_body(
                self.design,
                replace(kind, name=name),
                image=self.image,
                seed=seed,
                labels=self._labels,
                cut_off=cut_off,
            ),
        )
        self.machines[name].create()
        self.machines[name].start()
        return self.machines[name]

    def _make_network(self) -> None:
        if self._client.networks.list(names=[f"^{self.name}$"]):
            return
        try:
            self._client.networks.create(**network_arguments(self.design))
        except APIError as error:
            raise LabError(
                f"Docker does not make the network {self.name}: {error.explanation or error}; if "
                "another network has these addresses, remove it or change networking.nodeSubnet"
            ) from None

    def down(self) -> None:
        """Remove every machine with all that it holds, and the network."""
        machines = [*self.machines.values(), self._load_balancer, *self._strangers()]
        with ThreadPoolExecutor(len(machines)) as threads:
            list(threads.map(LabMachine.remove, machines))
        with contextlib.suppress(NotFound):
            self._client.networks.get(self.name).remove()
        disks = disk_volume(self.design)
        if disks is not None:
            with contextlib.suppress(NotFound):
                self._client.volumes.get(disks).remove(force=True)

    def _strangers(self) -> Iterator[LabMachine]:
        """Machines of elastic pools that another program has grown, such as a killed test."""
        label = f"{CLUSTER_LABEL}={self.name}"
        for container in self._client.containers.list(all=True, filters={"label": label}):
            node = container.labels.get(NODE_LABEL, LOAD_BALANCER)
            if node not in {*self.machines, LOAD_BALANCER}:
                volumes = tuple(volume_names(self.name, node))
                yield LabMachine(self._client, node, str(container.name), volumes, lambda _: {})

    def wait_ready(
        self,
        seconds: float = READY_SECONDS,
        hear: Hear = lambda name, text: None,
        nodes: list[str] | None = None,
    ) -> None:
        """Wait until every node is Ready and CoreDNS is available.

        Args:
            seconds: how long at most.
            hear: told what the cluster waits for.
            nodes: wait for these alone.

        Raises:
            LabError: the time ran out; the message explains each node that is not where it should
                be by its unit and the lines of its log.
        """
        end = time.monotonic() + seconds
        said = ""
        while True:
            missing = self.api.missing(nodes or self.kubelets)
            if missing != said:
                said = missing
                text = missing or "every node is Ready, and CoreDNS is available"
                hear(CLUSTER, text)
                self._moments.append(Moment(round(time.time(), 2), CLUSTER, text))
            if not missing:
                return
            if time.monotonic() >= end:
                raise LabError("\n".join([f"{said} after {seconds:.0f} s", *self.explain()]))
            time.sleep(0.5)

    def explain(self) -> list[str]:
        """Give for each machine the lines that say what it waits for, or why it failed."""
        return [line for machine in self.machines.values() for line in explain(machine)]

    def listen(self, hear: Hear) -> None:
        """Tell what the machines say on their consoles, from threads of their own, until they end.

        Args:
            hear: told the node and what it says.
        """
        for name, machine in self.machines.items():
            threading.Thread(target=self._hear, args=(name, machine, hear), daemon=True).start()

    @staticmethod
    def _hear(name: str, machine: LabMachine, hear: Hear) -> None:
        try:
            for line in machine.console():
                said = heard(line)
                if said is not None:
                    hear(name, said)
        except (DockerException, OSError, LabError) as error:
            hear(name, f"its console is gone: {error}")

    def save_timeline(self) -> Path:
        """Write when each node did what into the output folder; give the file."""
        machines = list(self.machines.values())
        began = min(machine.started.timestamp() for machine in machines)
        cluster = [
            Moment(round(moment.at - began, 2), moment.step, moment.text)
            for moment in self._moments
        ]
        path = self.out / TIMELINE
        path.write_text(timeline(machines, cluster, began), encoding="utf-8")
        return path
