#!/usr/bin/python3
"""The user-data of a volume for many machines: find this machine's own part, and restart with it.

cloud-init runs this as a boothook before the network is up. The part becomes cloud-init's seed on
the disk, which then holds this machine's keys and no others; from the restart on, cloud-init reads
that seed as it would read a volume of the machine's own, and no longer looks for volumes.
`rm -r /var/lib/cloud/seed/nocloud` takes it back. Python's standard library alone, 3.9 or newer.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

LABEL = "CIDATA"
SEED = Path("/var/lib/cloud/seed/nocloud")
# A link into the seed, so that one rename brings both: cloud-init skips a link to nothing.
SETTINGS = Path("/etc/cloud/cloud.cfg.d/90-nodeseed-seed.cfg")
NO_VOLUME = b"datasource: {NoCloud: {fs_label: null}}\n"
PATIENCE = 300  # seconds that a restart may take


def main() -> None:
    """Choose, unless that was done; whatever happens is said on the console."""
    if SEED.exists():
        say(f"{SEED} is there already, nothing is done; take the volume out and restart")
        return
    marks = marks_of_this_machine()
    with tempfile.TemporaryDirectory(dir="/run") as name:
        folder = Path(name)
        if not mounted(folder):
            say(f"no volume {LABEL} with a machines.json; restart with the volume in")
            return
        try:
            machines = json.loads((folder / "machines.json").read_text(encoding="utf-8"))
            fitting = [node for node, wanted in machines.items() if fits(wanted, marks)]
            if len(fitting) == 1:
                take(folder / "nodes" / fitting[0])
        finally:
            run("umount", "-l", name)
    if len(fitting) != 1:
        known = "; ".join(f"{kind} {' or '.join(values)}" for kind, values in marks.items())
        what = f"{' and '.join(fitting)} fit" if fitting else "no node of the volume fits"
        say(f"{what} this machine, nothing is done; it has {known}; mend match in the cluster file")
        return
    say(f"this machine is {fitting[0]}; it restarts. Take the volume out: it holds all keys")
    run("systemctl", "--no-block", "--job-mode=replace-irreversibly", "start", "reboot.target")
    time.sleep(PATIENCE)
    say("the restart did not come; restart this machine by hand")


def marks_of_this_machine() -> dict[str, list[str]]:
    """What firmware and hardware say of it, as the cluster file would write it."""
    cards = [
        card / "address"
        for card in sorted(Path("/sys/class/net").iterdir())
        if (card / "device").exists()  # hardware; bridges and bonds have none
    ]
    dmi = Path("/sys/class/dmi/id")
    found = {
        "mac": [text_of(card).lower() for card in cards],
        "serial": [
            text_of(dmi / "product_serial"),
            text_of(Path("/proc/device-tree/serial-number")),
        ],
        "uuid": [text_of(dmi / "product_uuid").lower()],
    }
    return {kind: [value for value in values if value] for kind, values in found.items()}


def text_of(path: Path) -> str:
    """The content of one of the kernel's files; nothing where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().strip("\0")
    except OSError:
        return ""


def fits(wanted: dict[str, str], marks: dict[str, list[str]]) -> bool:
    """Whether everything that is wanted holds."""
    return all(value in marks[kind] for kind, value in wanted.items())


def mounted(folder: Path) -> bool:
    """Mount the volume, which may not be the only one with this label."""
    _, devices = run("blkid", "-c", "/dev/null", "-o", "device", "-t", f"LABEL={LABEL}")
    for device in devices.split():
        failed, _ = run("mount", "-o", "ro,nosuid,nodev,noexec", device, str(folder))
        if failed:
            continue
        if (folder / "machines.json").exists():
            return True
        run("umount", "-l", str(folder))
    return False


def take(part: Path) -> None:
    """Make a node's part cloud-init's seed: completely, or not at all if the power goes."""
    made = SEED.with_name("nocloud.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700, parents=True)
    for file in part.iterdir():
        write(made / file.name, file.read_bytes())
    write(made / "settings", NO_VOLUME)
    with contextlib.suppress(FileExistsError):
        SETTINGS.symlink_to(SEED / "settings")
    os.sync()
    made.rename(SEED)
    os.sync()


def write(path: Path, content: bytes) -> None:
    """A new file for root alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def run(*command: str) -> tuple[int, str]:
    """Exit status and output of a command."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


def say(text: str) -> None:
    """One line for whoever looks at the console, and for cloud-init's log."""
    print(f"nodeseed: {text}", flush=True)
    with contextlib.suppress(OSError), Path("/dev/console").open("a") as console:
        console.write(f"nodeseed: {text}\n")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        say(f"this machine's part was not put in place: {error}; restart to try again")
        raise
