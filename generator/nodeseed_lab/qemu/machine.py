"""One QEMU machine and its life: switched on, asked, unplugged, given other disks."""

from __future__ import annotations

import base64
import contextlib
import io
import re
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from nodeseed_lab.commands import Commands
from nodeseed_lab.errors import LabError
from nodeseed_lab.qemu.channel import ChannelError
from nodeseed_lab.qemu.emulator import Emulator
from nodeseed_lab.qemu.hardware import Disk, Network, network_card, overlay, seed_volume
from nodeseed_lab.qemu.image import QemuImage
from nodeseed_lab.screen import plain

BOOT_SECONDS = 420  # a minute alone; beside three others on two processors more than 180 s
COMMAND_SECONDS = 120
CONSOLE_LINES = 25  # of which an error tells the last


@dataclass(frozen=True)
class Saved:
    """A machine that was on: its memory, and the disk with its root file system as it was."""

    folder: Path

    @property
    def memory(self) -> Path:
        """What QEMU writes of a machine."""
        return self.folder / "memory"

    @property
    def root(self) -> Path:
        """The disk; not written to again."""
        return self.folder / "root.qcow2"


class QemuMachine(Commands):
    """A machine, whether or not it is on; a context manager, at whose end it is off.

    Its files lie in `folder`: `root.qcow2`, the disk with its root file system, and `console-N.log`
    for the N-th time that it was switched on.

    Args:
        node: its name.
        folder: a folder of its own, which is made.
        image: what it boots.
        seed: the image of a volume CIDATA, or the folder with user-data, meta-data and perhaps
            network-config of which it is made whenever the machine is switched on. Without one,
            cloud-init does not run.
        disks: further disks.
        networks: what its network cards are connected to.
        kernel: further parameters of the kernel.
        firmware: what its firmware says of it, by SMBIOS: `serial`, `uuid`.
    """

    def __init__(
        self,
        node: str,
        folder: Path,
        image: QemuImage,
        *,
        seed: Path | None = None,
        disks: Sequence[Disk] = (),
        networks: Sequence[Network] = (),
        kernel: str = "",
        firmware: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(node)
        self.disks = list(disks)
        """May be changed while it is off."""
        self._folder = folder
        self._image = image
        self._seed = seed
        self._cards = [network_card(network, node, n) for n, network in enumerate(networks)]
        self._kernel = kernel if seed else f"{kernel} cloud-init=disabled"
        self._firmware = firmware
        self._starts = 0
        self._on: Emulator | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> QemuMachine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._on is not None:
            self._on.kill()

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._on is not None and self._on.is_on

    @property
    def console(self) -> str:
        """The lines that its serial port has said since it was switched on, without colours."""
        try:
            text = self._console.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return plain(text.rpartition("\n")[0])  # the last one may not be there completely

    @property
    def _console(self) -> Path:
        return self._folder / f"console-{self._starts}.log"

    @property
    def _emulator(self) -> Emulator:
        if self._on is None or not self._on.is_on:
            raise self._error("is not on")
        return self._on

    def start(self) -> None:
        """Switch it on; what it kept on its disks is there.

        It ends with the thread that called this, so that none is left behind.
        """
        self._must_be_off()
        parts = [*(disk.part for disk in self.disks), *self._cards]
        if self._seed is not None:
            parts.append(seed_volume(self._seed))
        self._starts += 1
        self._on = Emulator(
            self._image,
            root=overlay(self._folder / "root.qcow2", self._image.root, "raw"),
            console=self._console,
            kernel=self._kernel,
            firmware=self._firmware,
            parts=parts,
        )

    def resume(self, saved: Saved) -> None:
        """Go on where another machine was saved, with the disks and network cards of this one."""
        self._must_be_off()
        self._starts += 1
        with saved.memory.open("rb") as memory:
            self._on = Emulator(
                self._image,
                root=overlay(self._folder / "root.qcow2", saved.root, "qcow2"),
                console=self._console,
                memory=memory.fileno(),
            )
        self._on.proceed()
        self.wait_agent()
        self.run("date", "--set", f"@{time.time()}")  # it is later than it remembers
        for part in (*(disk.part for disk in self.disks), *self._cards):
            self._on.plug_in(part)
        self.run("udevadm", "settle")  # what was plugged in has its names

    def save(self, folder: Path) -> Saved:
        """Write its memory and its disk into a folder, and switch it off.

        It must have been switched on with nothing plugged in, as another would have nothing.
        """
        saved = Saved(folder)
        self._emulator.save(saved.memory)
        (self._folder / "root.qcow2").rename(saved.root)
        return saved

    def stop(self) -> None:
        """Shut it down as a power button does: systemd stops every unit."""
        on = self._emulator
        with contextlib.suppress(ChannelError):
            on.agent.send("guest-shutdown")
        on.wait(BOOT_SECONDS)

    def cut_power(self) -> None:
        """Pull its plug: what it has not written to a disk is lost."""
        self._emulator.kill()

    def attach(self, disk: Disk) -> None:
        """Plug in another disk while it is on."""
        self._emulator.plug_in(disk.part)
        self.disks.append(disk)

    def detach(self, disk: Disk) -> None:
        """Unplug a disk while it is on."""
        self._emulator.unplug(disk.part)
        self.disks.remove(disk)

    def wait_for(self, pattern: str, seconds: float = BOOT_SECONDS) -> str:
        """Wait for a line on its console since it was switched on; give the line.

        Args:
            pattern: a regular expression that the line has somewhere.
            seconds: how long at most.

        Raises:
            LabError: the time ran out, or the machine went off; with the console's last lines.
        """
        end = time.monotonic() + seconds
        while True:
            on = self.is_on
            for line in self.console.splitlines():
                if re.search(pattern, line):
                    return line
            if not on or time.monotonic() >= end:
                why = f"did not come within {seconds:.0f} s" if on else "did not come; it is off"
                raise self._error(f"`{pattern}` {why}")
            time.sleep(0.1)

    def wait_agent(self, seconds: float = BOOT_SECONDS) -> None:
        """Wait until commands can be run in it.

        Raises:
            LabError: the time ran out, or the machine went off.
        """
        agent = self._emulator.agent
        number = time.monotonic_ns() >> 16
        agent.send("guest-sync", id=number)  # it stays in the channel until the agent reads it
        end = time.monotonic() + seconds
        while self.is_on and time.monotonic() < end:
            with contextlib.suppress(ChannelError):
                if agent.receive(1).get("return") == number:
                    return
        raise self._error(f"the agent in it does not answer within {seconds:.0f} s")

    def exec(self, *command: str, stdin: bytes = b"") -> tuple[int, str]:
        """Run a command in it; give its exit code and all that it printed."""
        program, *arguments = command
        agent = self._emulator.agent
        end = time.monotonic() + COMMAND_SECONDS
        try:
            process = agent.ask(
                "guest-exec",
                path=program,
                arg=arguments,
                input_data=base64.b64encode(stdin).decode(),
                capture_output="merged",
            )["pid"]
            pause = 0.02
            while not (done := agent.ask("guest-exec-status", pid=process))["exited"]:
                if time.monotonic() >= end:
                    raise ChannelError(f"does not end within {COMMAND_SECONDS} s")
                time.sleep(pause)
                pause = min(0.5, pause * 1.5)
        except ChannelError as error:
            raise self._error(f"`{' '.join(command)}`: {error}") from None
        output = base64.b64decode(done.get("out-data", "")).decode(errors="replace")
        return done.get("exitcode", 128 + done.get("signal", 0)), output

    def put(self, path: str, content: bytes) -> None:
        """Write a file in it, with the folders that lead to it."""
        self._feed(content, 'mkdir -p "${1%/*}" && cat >"$1"', path)

    def put_tree(self, folder: Path, path: str = "/") -> None:
        """Copy what is in a folder of this computer into one of the machine, as root's."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for entry in sorted(folder.rglob("*")):
                if entry.is_file():
                    tar.add(entry, str(entry.relative_to(folder)), filter=_of_root)
        self._feed(archive.getvalue(), 'mkdir -p "$1" && tar -xC "$1"', path)

    def _feed(self, content: bytes, script: str, path: str) -> None:
        code, said = self.exec("sh", "-c", script, "sh", path, stdin=content)
        if code:
            raise LabError(f"{self.node}: {path} cannot be written: {said.strip()}")

    def _must_be_off(self) -> None:
        if self.is_on:
            raise self._error("is on already")

    def _error(self, text: str) -> LabError:
        """An error that tells the end of its console, and what QEMU complained of."""
        lines = self.console.splitlines()[-CONSOLE_LINES:]
        errors = self._on.errors.splitlines() if self._on is not None else []
        return LabError("\n".join([f"{self.node}: {text}", *(f"  {s}" for s in lines + errors)]))


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
