"""One machine of the lab and its life: started, stopped, killed, wiped, cut off, asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from nodeseed_lab.commands import Commands
from nodeseed_lab.container_exec import run_in
from nodeseed_lab.containers import CUT, CUT_RULES
from nodeseed_lab.disks import PLUG
from nodeseed_lab.errors import LabError

POWER_OFF_SECONDS = 60

MakeBody = Callable[[tuple[str, ...]], dict[str, Any]]


class LabMachine(Commands):
    """A machine, whether or not its container exists at the moment.

    Args:
        client: the Docker that it runs on.
        node: the node's name.
        container_name: the container's.
        volumes: names of its volumes.
        body: gives the body from which its container is created; the argument is the command to
            be wrapped where the machine is to start cut off, and empty otherwise.
        disks: IDs of its data disks.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        node: str,
        container_name: str,
        volumes: tuple[str, ...],
        body: MakeBody,
        disks: tuple[str, ...] = (),
    ) -> None:
        super().__init__(node)
        self._client = client
        self._name = container_name
        self._volumes = volumes
        self._body = body
        self._disks = disks

    @property
    def container(self) -> Container:
        """Its container.

        Raises:
            LabError: there is none.
        """
        try:
            return self._client.containers.get(self._name)
        except NotFound:
            raise LabError(
                f"{self.node}: there is no container {self._name}; bring the lab up with "
                "`nodeseed-lab up`"
            ) from None

    @property
    def state(self) -> str:
        """Docker's word for its state, such as ``running`` or ``exited``; ``absent``."""
        try:
            return str(self._client.containers.get(self._name).status)
        except NotFound:
            return "absent"

    @property
    def started(self) -> datetime:
        """When it was last switched on."""
        return datetime.fromisoformat(self.container.attrs["State"]["StartedAt"])

    def create(self, *, cut_off: bool = False) -> None:
        """Make its container and volumes, without starting it; what is there stays as it is.

        Args:
            cut_off: no packet leaves or reaches it from its first moment on.
        """
        body = self._body(())
        if cut_off:
            image = self._client.images.get(body["Image"]).attrs["Config"]
            body = self._body((*(image["Entrypoint"] or ()), *(image["Cmd"] or ())))
        try:
            self._client.api.create_container_from_config(  # type: ignore[no-untyped-call]
                body, self._name
            )
        except APIError as error:
            if error.status_code != 409:
                raise LabError(f"{self.node}: {error.explanation or error}") from None
            there = self.container.attrs["Config"]["Image"]
            if there != body["Image"]:
                raise LabError(
                    f"{self.node}: its container boots {there}, not {body['Image']}; remove the "
                    "lab first: nodeseed-lab down"
                ) from None

    def start(self) -> None:
        """Switch it on; what it kept on its disks is there."""
        try:
            self.container.start()
        except APIError as error:
            raise LabError(f"{self.node}: does not start: {error.explanation or error}") from None
        if self._disks:
            self.plug(*self._disks)

    def plug(self, *disks: str) -> None:
        """Attach data disks, as far as their files are there (see :mod:`nodeseed_lab.disks`)."""
        self.run("sh", "-c", PLUG, "sh", *disks)

    def stop(self) -> None:
        """Shut it down as a power button does: systemd stops every unit."""
        self.container.stop(timeout=POWER_OFF_SECONDS)

    def kill(self) -> None:
        """Pull its plug."""
        self.container.kill()

    def remove(self) -> None:
        """Remove its container and its volumes, with all that they hold; data disks stay."""
        with contextlib.suppress(NotFound):
            self._client.containers.get(self._name).remove(force=True, v=True)
        for name in self._volumes:
            with contextlib.suppress(NotFound):
                self._client.volumes.get(name).remove(force=True)

    def wipe(self, *, cut_off: bool = False) -> None:
        """Put an empty machine with the same user-data in its place, and start it."""
        self.remove()
        self.create(cut_off=cut_off)
        self.start()

    def cut_off(self) -> None:
        """Let no packet in or out, with addresses and routes as they are; lasts until a restart."""
        self.run("sh", "-c", f"printf %s '{CUT_RULES}' | nft -f -")

    def reconnect(self) -> None:
        """Undo :meth:`cut_off`."""
        self.run("nft", "delete", "table", "inet", CUT)

    def exec(self, *command: str) -> tuple[int, str]:
        """Run a command in it; give its exit code and all that it printed."""
        try:
            code, printed = run_in(self.container, command)
        except APIError as error:
            raise LabError(f"{self.node}: {error.explanation or error}") from None
        return code, printed.decode(errors="replace")

    def console(self) -> Iterator[str]:
        """Give the lines of its console since it was started, and wait for further ones."""
        part = b""
        started = self.started.timestamp()
        for piece in self.container.logs(stream=True, follow=True, since=started):
            *lines, part = (part + piece).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace").strip("\r")
