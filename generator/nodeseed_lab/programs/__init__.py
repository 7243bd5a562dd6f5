"""The real programs that the lab and the integration tests run, built from their Go modules.

Every folder beside this file is a Go module whose only direct requirement is the release that we
run; its `go.sum` makes the sources verifiable. Nothing else states a version: to move to another
release, change the `go.mod` (for Kubernetes its `replace` lines too), run `go mod tidy` there, and
the next run builds it. Where the folder has a `main.go`, the program is made of ours.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from nodeseed_lab import cache
from nodeseed_lab.errors import LabError

_KUBERNETES = (
    "-s -w"
    " -X k8s.io/component-base/version.gitVersion=v{version}"
    " -X k8s.io/component-base/version.gitMajor={major}"
    " -X k8s.io/component-base/version.gitMinor={minor}"
    " -X k8s.io/component-base/version.gitTreeState=clean"
    " -X k8s.io/component-base/version.gitCommit=0000000000000000000000000000000000000000"
    # of no commit and no day: the same bytes on every machine
    " -X k8s.io/component-base/version.buildDate=1970-01-01T00:00:00Z"
    " -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
)
_CFSSL = "-s -w -X github.com/cloudflare/cfssl/cli/version.version={version}"
_CONTAINERD = "-s -w -X github.com/containerd/containerd/v2/version.Version={version}"


class ProgramError(LabError):
    """A program cannot be had; the message says why and what to do about it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Program:
    """One program: where its sources come from, and how to build it and ask for its version.

    Attributes:
        name: What callers call it.
        folder: The folder, beside this file, of the Go module that pins it.
        module: The Go module that contains it; empty for a program that is all ours.
        package: The Go package that is its `main`.
        binary: The file name of the executable.
        version_arguments: The arguments that make it print its version.
        link: The linker's flags; `{version}`, `{major}` and `{minor}` stand for the pinned release.
        part_of: The executable that is this program when called by its name; `binary` links to it.
    """

    name: str
    folder: str
    module: str = ""
    package: str = "."
    binary: str
    version_arguments: tuple[str, ...] = ("--version",)
    link: str = "-s -w"
    part_of: str = ""

    @property
    def source(self) -> Path:
        """The folder of the Go module that pins this program."""
        return Path(__file__).parent / self.folder

    @property
    def version(self) -> str:
        """The release that the module's `go.mod` pins, without the leading `v`."""
        return self._pinned(rf"(?:require\s+|\t){re.escape(self.module)}\s+v(\S+)")

    @property
    def oldest_go(self) -> str:
        """The oldest Go release that the module's `go.mod` accepts."""
        return self._pinned(r"go\s+(\S+)")

    @property
    def build(self) -> tuple[str, ...]:
        """The command that builds it, but for where to."""
        link = self.link
        if self.module:
            major, minor, _ = self.version.split(".", 2)
            link = link.format(version=self.version, major=major, minor=minor)
        return ("go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", link)

    @property
    def executable(self) -> str:
        """The file that the linker writes."""
        return self.part_of or self.binary

    def _pinned(self, line: str) -> str:
        go_mod = self.source / "go.mod"
        found = re.search(rf"^{line}$", go_mod.read_text(), re.MULTILINE)
        if found is None:
            raise ProgramError(f"{go_mod} has no line that matches {line!r}.")
        return found[1]


def _kubeadm(minor: str) -> Program:
    return Program(
        name=f"kubeadm-{minor}",
        folder=f"kubeadm-{minor}",
        module="k8s.io/kubernetes",
        package="k8s.io/kubernetes/cmd/kubeadm",
        binary="kubeadm",
        version_arguments=("version", "--output=short"),
        link=_KUBERNETES,
    )


def _kubernetes(minor: str, binary: str, *version_arguments: str) -> Program:
    return Program(
        name=f"{binary}-{minor}",
        folder=f"kubernetes-{minor}",
        module="k8s.io/kubernetes",
        binary=binary,
        version_arguments=version_arguments or ("--version",),
        link=_KUBERNETES,
        part_of="kubernetes",
    )


def _etcd(minor: str) -> Program:
    return Program(
        name=f"etcd-{minor}",
        folder=f"etcd-{minor}",
        module="go.etcd.io/etcd/server/v3",
        package="go.etcd.io/etcd/server/v3",
        binary="etcd",
    )


def _containerd(binary: str, version_argument: str) -> Program:
    return Program(
        name=binary,
        folder="containerd",
        module="github.com/containerd/containerd/v2",
        package=f"github.com/containerd/containerd/v2/cmd/{binary}",
        binary=binary,
        version_arguments=(version_argument,),
        link=_CONTAINERD,
    )


TABLE: Mapping[str, Program] = {
    row.name: row
    for row in (
        _kubernetes("1.37", "kubeadm", "version", "--output=short"),
        _kubernetes("1.37", "kubelet"),
        _kubernetes("1.37", "kubectl", "version", "--client"),
        _kubernetes("1.37", "kube-apiserver"),
        _kubernetes("1.37", "kube-controller-manager"),
        _kubernetes("1.37", "kube-scheduler"),
        _kubernetes("1.37", "kube-proxy"),
        _kubeadm("1.35"),
        _kubeadm("1.33"),
        _etcd("3.7"),
        _etcd("3.6"),
        _etcd("3.5"),
        _containerd("containerd", "--version"),
        _containerd("ctr", "--version"),
        _containerd("containerd-shim-runc-v2", "-v"),
        Program(
            name="coredns",
            folder="coredns",
            module="github.com/coredns/coredns",
            binary="coredns",
            version_arguments=("-version",),
        ),
        Program(name="pause", folder="pause", binary="pause"),
        Program(name="probe", folder="probe", binary="probe"),
        Program(name="kube-vip-stand-in", folder="kube-vip-stand-in", binary="kube-vip"),
        Program(
            name="zlint",
            folder="zlint",
            module="github.com/zmap/zlint/v3",
            package="github.com/zmap/zlint/v3/cmd/zlint",
            binary="zlint",
            version_arguments=("-version",),
            link="-s -w -X main.version=v{version}",
        ),
        Program(
            name="cfssl",
            folder="cfssl",
            module="github.com/cloudflare/cfssl",
            package="github.com/cloudflare/cfssl/cmd/cfssl",
            binary="cfssl",
            version_arguments=("version",),
            link=_CFSSL,
        ),
        Program(
            name="cfssljson",
            folder="cfssl",
            module="github.com/cloudflare/cfssl",
            package="github.com/cloudflare/cfssl/cmd/cfssljson",
            binary="cfssljson",
            version_arguments=("-version",),
            link=_CFSSL,
        ),
    )
}
"""Every program, by name."""


def program(name: str) -> Path:
    """Give the executable of a program, building it first if this machine does not have it yet.

    Builds stay in the user's cache, apart for each combination of sources, flags and Go release.
    The first build of a large program takes minutes and needs the Go module proxy.

    Args:
        name: One of the names in `TABLE`.

    Raises:
        ProgramError: The name is unknown, Go is missing, or the build failed.
    """
    row = _row(name)

    def build(partial: Path) -> None:
        _go(row, *row.build, "-o", str(partial / row.executable), row.package)
        for other in TABLE.values():
            if other.part_of and (other.folder, other.part_of) == (row.folder, row.part_of):
                (partial / other.binary).symlink_to(row.executable)

    return cache.complete(_home(row), build) / row.binary


def identity(name: str) -> str:
    """Say in one word which build `program(name)` gives, without building it.

    Raises:
        ProgramError: The name is unknown, or Go is missing.
    """
    return _home(_row(name)).name


def is_built(name: str) -> bool:
    """Whether `program(name)` returns at once."""
    return _home(_row(name)).exists()


def _row(name: str) -> Program:
    row = TABLE.get(name)
    if row is None:
        raise ProgramError(f"There is no program {name!r}; there are {', '.join(TABLE)}.")
    if shutil.which("go") is None:
        raise ProgramError(
            f"The program {name} is built with Go: "
            f"install Go {row.oldest_go} or newer and put its `go` command on PATH."
        )
    return row


def _home(row: Program) -> Path:
    sources = [path for path in sorted(row.source.iterdir()) if path.suffix in {".go", ".sum"}]
    key = cache.fingerprint(
        (row.source / "go.mod").read_text(),
        *(path.read_text() for path in sources),
        row.package,
        *row.build,
        _toolchain(row.source),
    )
    return cache.folder("programs") / f"{row.folder}-{row.executable}-{key}"


@functools.cache
def _toolchain(source: Path) -> str:
    """The Go release and target that a build in this folder would use."""
    return _run(source, "go", "env", "GOVERSION", "GOOS", "GOARCH")


def _go(row: Program, *command: str) -> None:
    try:
        _run(row.source, *command)
    except ProgramError as error:
        raise ProgramError(f"{row.name}: {error}") from error


def _run(source: Path, *command: str) -> str:
    """Run a go command in a module, without C and outside of any Go workspace."""
    done = subprocess.run(
        command,
        cwd=source,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    return done.stdout
