"""The real programs that integration tests run, built from their Go modules.

Every folder beside this file is a Go module whose only direct requirement is the release that we
test against; its `go.sum` makes the sources verifiable. Nothing else states a version: to move to
another release, change the `go.mod` (for Kubernetes its `replace` lines too), run `go mod tidy`
there, and the next test run builds it.
"""

import dataclasses
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_KUBERNETES = (
    "-s -w"
    " -X k8s.io/component-base/version.gitVersion=v{version}"
    " -X k8s.io/component-base/version.gitMajor={major}"
    " -X k8s.io/component-base/version.gitMinor={minor}"
    " -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
)
_CFSSL = "-s -w -X github.com/cloudflare/cfssl/cli/version.version={version}"


class ProgramError(Exception):
    """A program cannot be had; the message says why and what to do about it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Program:
    """One program: where its sources come from, and how to build it and ask for its version.

    Attributes:
        name: What tests call it.
        folder: The folder, beside this file, of the Go module that pins it.
        module: The Go module that contains it.
        package: The Go package that is its `main`.
        binary: The file name of the executable.
        version_arguments: The arguments that make it print its version.
        link: The linker's flags; `{version}`, `{major}` and `{minor}` stand for the pinned release.
    """

    name: str
    folder: str
    module: str
    package: str
    binary: str
    version_arguments: tuple[str, ...]
    link: str = "-s -w"

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
    def ldflags(self) -> str:
        """The linker's flags, with the pinned release filled in."""
        major, minor, _ = self.version.split(".", 2)
        return self.link.format(version=self.version, major=major, minor=minor)

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


def _etcd(minor: str) -> Program:
    return Program(
        name=f"etcd-{minor}",
        folder=f"etcd-{minor}",
        module="go.etcd.io/etcd/server/v3",
        package="go.etcd.io/etcd/server/v3",
        binary="etcd",
        version_arguments=("--version",),
    )


TABLE: Mapping[str, Program] = {
    row.name: row
    for row in (
        _kubeadm("1.37"),
        _kubeadm("1.35"),
        _kubeadm("1.33"),
        _etcd("3.7"),
        _etcd("3.6"),
        _etcd("3.5"),
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
    row = TABLE.get(name)
    if row is None:
        raise ProgramError(f"There is no program {name!r}; there are {', '.join(TABLE)}.")
    if shutil.which("go") is None:
        raise ProgramError(
            f"The program {name} is built with Go: "
            f"install Go {row.oldest_go} or newer and put its `go` command on PATH."
        )
    build = (
        *("go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly"),
        *("-ldflags", row.ldflags),
    )
    home = _builds() / f"{name}-{_fingerprint(row, build)}"
    if not home.exists():
        _build(row, build, home)
    return home / row.binary


def _builds() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "nodeseed" / "programs"


def _fingerprint(row: Program, build: tuple[str, ...]) -> str:
    """Condense all that decides a build's bytes into 16 hexadecimal digits."""
    parts = (
        (row.source / "go.mod").read_text(),
        (row.source / "go.sum").read_text(),
        row.package,
        *build,
        _go(row, "go", "env", "GOVERSION", "GOOS", "GOARCH"),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _build(row: Program, build: tuple[str, ...], home: Path) -> None:
    """Build into a folder beside `home` and rename it, so that `home` is complete or absent."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if home.exists():  # another process built it while we waited
            return
        partial = home.with_name(f"{home.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # of a build that was interrupted
        partial.mkdir()
        _go(row, *build, "-o", str(partial / row.binary), row.package)
        partial.rename(home)


def _go(row: Program, *command: str) -> str:
    """Run a go command in the program's module, without C and outside of any Go workspace."""
    done = subprocess.run(
        command,
        cwd=row.source,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramError(f"{row.name}: `{' '.join(command)}` failed:\n{done.stderr.strip()}")
    return done.stdout
