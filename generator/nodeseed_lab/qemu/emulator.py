"""One QEMU process: its command line, what can be plugged into it, and how it ends."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nodeseed_lab.errors import LabError
from nodeseed_lab.qemu.architecture import here
from nodeseed_lab.qemu.channel import Channel, ChannelError
from nodeseed_lab.qemu.hardware import MISSING, Disk, Part
from nodeseed_lab.qemu.image import QemuImage

MEMORY = "1G"
PORTS = 8  # for disks and network cards
ASK_SECONDS = 60
ADD = {"blockdev": "blockdev-add", "netdev": "netdev_add"}  # as QMP spells them

# Without what only a processor in silicon needs, or takes its time when it is emulated: raid456
# finds out at every boot what computes parity fastest.
KERNEL = (
    "rw quiet mitigations=off lsm=capability audit=0 nokaslr "
    "random.trust_cpu=on tsc=reliable no_timer_check module_blacklist=raid456"
)


class Emulator:
    """A machine that is on, until its process ends.

    Args:
        image: the kernel that it boots.
        root: the disk with its root file system.
        console: the file for what its serial port says.
        kernel: further parameters of the kernel.
        firmware: what its firmware says of it, by SMBIOS: `serial`, `uuid`.
        parts: what is plugged in from the beginning.
        memory: an open file with the memory of a machine that was saved; it waits for `cont`.
    """

    def __init__(
        self,
        image: QemuImage,
        *,
        root: Disk,
        console: Path,
        kernel: str = "",
        firmware: Mapping[str, str] = MappingProxyType({}),
        parts: Iterable[Part] = (),
        memory: int | None = None,
    ) -> None:
        self.agent = Channel()
        self._qmp = Channel()
        self._ports: dict[str, str] = {}
        self._errors = console.with_suffix(".qemu")
        command = [
            # its end is that of the thread that started it: whatever ends a test, it ends too
            *("setpriv", "--pdeathsig", "KILL"),
            *_machine(image, root, console, kernel),
            *_channel(self._qmp, "qmp"),
            *("-mon", "chardev=qmp,mode=control"),
            *_channel(self.agent, "agent"),
            *("-device", "virtio-serial-pci"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        ]
        for number in range(PORTS):
            command += ["-device", f"pcie-root-port,id=port-{number},chassis={number}"]
        if firmware:
            said = "".join(f",{name}={value}" for name, value in firmware.items())
            command += ["-smbios", f"type=1{said}"]
        for part in parts:
            command += [f"-{part.kind}", json.dumps(part.backend)]
            command += ["-device", json.dumps(self._at_a_port(part))]
        inherited = [self._qmp.theirs.fileno(), self.agent.theirs.fileno()]
        if memory is not None:
            command += ["-incoming", f"fd:{memory}"]
            inherited.append(memory)
        with self._errors.open("wb") as errors:
            self._process = self._start(command, inherited, errors.fileno())
        for channel in (self._qmp, self.agent):
            channel.given()
        self.ask("qmp_capabilities")

    @staticmethod
    def _start(command: list[str], inherited: list[int], errors: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=inherited,
                start_new_session=True,  # a Ctrl-C is for those who started it
            )
        except FileNotFoundError as error:
            raise LabError(MISSING.format(error.filename)) from None

    @property
    def is_on(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def errors(self) -> str:
        """What QEMU itself complained of."""
        return self._errors.read_text(errors="replace").strip()

    def ask(self, command: str, **arguments: object) -> Any:
        """Give QMP a command; give what it returns.

        Raises:
            LabError: it says no, or has ended.
        """
        try:
            return self._qmp.ask(command, ASK_SECONDS, **arguments)
        except ChannelError as error:
            raise LabError(f"QEMU: {error}\n{self.errors}".strip()) from None

    def plug_in(self, part: Part) -> None:
        """Plug something in."""
        self.ask(ADD[part.kind], **part.backend)
        self.ask("device_add", **self._at_a_port(part))

    def unplug(self, part: Part) -> None:
        """Unplug a disk.

        Raises:
            LabError: the machine does not let it go.
        """
        device = part.device["id"]
        self.ask("device_del", id=device)
        end = time.monotonic() + ASK_SECONDS
        while True:
            try:
                self.ask("blockdev-del", node_name=part.backend["node-name"])
                break
            except LabError:  # in use, as long as the machine has not let it go
                if time.monotonic() >= end:
                    raise
            time.sleep(0.1)
        del self._ports[device]

    def save(self, memory: Path) -> None:
        """Write all that the machine has in its memory into a file, and end.

        Raises:
            LabError: it could not be written.
        """
        self.ask("stop")
        self.ask("migrate", uri=f"exec:cat >{shlex.quote(str(memory))}")
        while (state := self.ask("query-migrate"))["status"] != "completed":
            if state["status"] == "failed":
                raise LabError(f"QEMU: its memory cannot be saved: {state.get('error-desc', '')}")
            time.sleep(0.05)
        self.ask("quit")
        self.wait()

    def proceed(self) -> None:
        """Go on as the machine that was saved."""
        while (status := self.ask("query-status")["status"]) == "inmigrate":
            time.sleep(0.05)
        if status != "running":
            self.ask("cont")

    def wait(self, seconds: float = ASK_SECONDS) -> None:
        """Wait until it has ended.

        Raises:
            LabError: it did not end in time.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"QEMU: does not end within {seconds:.0f} s") from None
        for channel in (self._qmp, self.agent):
            channel.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.wait()

    def _at_a_port(self, part: Part) -> dict[str, Any]:
        free = (port for n in range(PORTS) if (port := f"port-{n}") not in self._ports.values())
        try:
            self._ports[part.device["id"]] = next(free)
        except StopIteration:
            raise LabError(
                f"QEMU: a machine has {PORTS} ports for disks and network cards"
            ) from None
        return {**part.device, "bus": self._ports[part.device["id"]]}


def identity(image: QemuImage) -> str:
    """All that must be the same for a machine that was saved to be gone on with."""
    try:
        version = subprocess.check_output([here().program, "--version"], text=True)
    except FileNotFoundError as error:
        raise LabError(MISSING.format(error.filename)) from None
    return "\n".join([version, str(PORTS), *_machine(image, Disk("root", image.root), image.home)])


def _machine(image: QemuImage, root: Disk, console: Path, kernel: str = "") -> list[str]:
    """A machine without disks and network cards but the disk with its root file system."""
    computer = here()
    return [
        computer.program,
        *("-nodefaults", "-no-user-config", "-display", "none"),
        # One processor: with a second one the kernel, which rewrites its own code as it runs, now
        # and then dies of what the other has not noticed; a boot is hardly faster by it.
        *("-machine", computer.board, "-accel", "tcg", "-cpu", computer.cpu, "-m", MEMORY),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", f"{KERNEL} console={computer.console} {kernel}"),
        *("-blockdev", json.dumps(root.part.backend), "-device", json.dumps(root.part.device)),
        *("-serial", f"file:{console}"),
    ]


def _channel(channel: Channel, name: str) -> list[str]:
    """A channel's other side, as QEMU knows it."""
    return ["-chardev", f"socket,id={name},fd={channel.theirs.fileno()}"]
