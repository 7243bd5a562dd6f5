"""Tries everything that a node image is for, and writes down what is in it.

The last thing that provision.sh does, while containerd runs. What it finds wrong it says, and there
is no image; otherwise /etc/nodeseed/image.json stays in it. Beside it lies one line that a node's
preflight adds where a program disagrees with the node's user-data; there every byte counts.

It asks the environment what there should be, as packer/build.pkr.hcl gives it: IMAGE_NAME,
KUBERNETES_VERSION, CONTAINERD_VERSION, ETCD_VERSION, PACKAGES, MODULES, IMAGES, IMAGE_REPOSITORY.
Python's standard library alone, 3.9 and newer.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

MANIFEST = Path("/etc/nodeseed/image.json")
LINE = Path("/etc/nodeseed/image")
PACKAGES = Path(__file__).with_name("packages.txt")
BIN = Path("/usr/local/bin")
PLUGINS = Path("/opt/cni/bin")
WANTED = os.environ.get

# What must answer, and which release it must be.
PROGRAMS = {
    "kubelet --version": WANTED("KUBERNETES_VERSION"),
    "kubeadm version -o short": WANTED("KUBERNETES_VERSION"),
    "kubectl version --client": WANTED("KUBERNETES_VERSION"),
    "containerd --version": WANTED("CONTAINERD_VERSION"),
    "ctr --version": WANTED("CONTAINERD_VERSION"),
    "containerd-shim-runc-v2 -v": WANTED("CONTAINERD_VERSION"),
    "etcd --version": WANTED("ETCD_VERSION"),
    "runc --version": None,
    "cloud-init --version": None,
    "python3 --version": None,
    "systemctl --version": None,
    "haproxy -v": None,
    "keepalived --version": None,
    "nft --version": None,
    "iptables --version": None,
    "conntrack --version": None,
    "ipset --version": None,
    "socat -V": None,
    "ethtool --version": None,
    "curl --version": None,
    "openssl version": None,
}
CNI = ("bridge", "host-local", "loopback", "portmap")
MODULES = ("br_netfilter", "overlay", *WANTED("MODULES", "").split())
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
)
ENABLED = ("containerd",)
DISABLED = ("etcd", "haproxy", "keepalived")

wrong: list[str] = []


def run(*command: str, stdin: str = "", **environment: str) -> tuple[bool, str]:
    """Whether a command ended well, and all that it printed."""
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, **environment},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, str(error)
    return done.returncode == 0, done.stdout.strip()


def programs() -> dict[str, str]:
    """What each program says of its version."""
    found = {}
    for command, wanted in PROGRAMS.items():
        name = command.split()[0]
        good, said = run(*command.split())
        version = re.search(r"\d+\.\d+(\.\d+)?[-+.\w]*|\b\d+\b", said)
        if not good or version is None:
            wrong.append(f"`{command}`: {said or 'says nothing'}")
        elif wanted and version[0] != wanted:
            wrong.append(f"{name} is {version[0]}, not {wanted}")
        else:
            found[name] = version[0]
    return found


def packages() -> dict[str, str]:
    """The version of each package that was asked for."""
    found = {}
    for name in [*PACKAGES.read_text().split(), *WANTED("PACKAGES", "").split()]:
        _, said = run("dpkg-query", "--show", "--showformat=${db:Status-Status} ${Version}", name)
        status, _, version = said.partition(" ")
        if status != "installed":
            wrong.append(f"the package {name} is not installed")
        found[name] = version
    return found


def files() -> dict[str, str]:
    """The sha256 of each file that is no package's."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(BIN.iterdir())
        if path.is_file() and not path.is_symlink()
    }


def plugins() -> None:
    """CNI plugins answer."""
    for name in CNI:
        _, said = run(str(PLUGINS / name), stdin='{"cniVersion": "1.0.0"}', CNI_COMMAND="VERSION")
        if "supportedVersions" not in said:
            wrong.append(f"{PLUGINS / name}: {said}")


def kernels() -> dict[str, str]:
    """Every kernel that the image may boot has the modules; a container boots none of its own."""
    found = [path.parent.name for path in sorted(Path("/lib/modules").glob("*/modules.dep"))]
    for kernel in found:
        for module in MODULES:
            command = ("modprobe", "--dry-run", "--set-version", kernel, module)
            if not run(*command)[0]:
                wrong.append(f"the kernel {kernel} has no module {module}")
    return dict.fromkeys(found, " ".join(MODULES))


def sysctls() -> None:
    """The kernel that runs now knows what a node sets."""
    run("modprobe", "br_netfilter")
    for name in SYSCTLS:
        if not Path("/proc/sys", name).exists():
            wrong.append(f"the kernel has no sysctl {name.replace('/', '.')}")


def services() -> None:
    """What starts by itself, and what nodeseed starts where it is wanted."""
    for names, wanted in ((ENABLED, True), (DISABLED, False)):
        for name in names:
            if (run("systemctl", "is-enabled", f"{name}.service")[1] == "enabled") != wanted:
                wrong.append(f"{name}.service is {'not ' if wanted else ''}enabled")


def images() -> dict[str, str]:
    """The container images are there, whole and unpacked; one of them runs."""
    repository = WANTED("IMAGE_REPOSITORY") or "registry.k8s.io"
    version = run("kubeadm", "version", "-o", "short")[1]
    said = run(
        *("kubeadm", "config", "images", "list"),
        *("--kubernetes-version", version, "--image-repository", repository),
    )[1]
    listed = [line for line in said.splitlines() if line.startswith(repository)]  # others warn
    listed += WANTED("IMAGES", "").split()
    found = {}
    for line in run("ctr", "-n", "k8s.io", "images", "check")[1].splitlines():
        name, *rest = line.split()
        if "complete" in rest and rest[-1] == "true":  # unpacked
            found[name] = next(word for word in rest if word.startswith("sha256:"))
    missing = sorted(set(listed) - set(found))
    wrong.extend(f"the image {name} is not there, or not whole" for name in missing)
    server = next((name for name in listed if "/kube-apiserver:" in name), "")
    good, said = run(
        *("ctr", "-n", "k8s.io", "run", "--rm", "--cgroup", "/self-test"),
        *(server, "self-test", "kube-apiserver", "--version"),
    )
    if not good or version not in said:
        wrong.append(f"containerd runs no container: {said}")
    return {name: found[name] for name in sorted(found) if not name.startswith("sha256:")}


def runtime() -> None:
    """containerd has what the kubelet talks to."""
    lines = run("ctr", "plugins", "ls")[1].splitlines()
    cri = [line.split() for line in lines if line.startswith("io.containerd.grpc.v1 ")]
    if not [row for row in cri if row[1] == "cri" and row[-1] == "ok"]:
        wrong.append("containerd serves no CRI")


def release() -> str:
    """What the image began as."""
    text = Path("/etc/os-release").read_text()
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
    return found[1] if found else ""


def main() -> int:
    """Try everything, then say what is wrong or write the manifest."""
    for test in (plugins, sysctls, services, runtime):
        test()
    manifest = {
        "name": WANTED("IMAGE_NAME", ""),
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "base": release(),
        "architecture": platform.machine(),
        "programs": programs(),
        "kernels": kernels(),
        "images": images(),
        "packages": packages(),
        "files": files(),
    }
    if wrong:
        print(*(f"self-test: {line}" for line in wrong), sep="\n", file=sys.stderr)
        return 1
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")
    LINE.write_text(f" (image {manifest['name']})")
    print(f"self-test: all is well; {MANIFEST}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
