"""How fast, how lean and how large: ``make bench``.

Each measurement runs in a process and on one core of its own. Speed is a ratio, so that it means
the same on every machine: a whole render (cluster file in, every file out) against the floor, which
is the same keys derived, the same certificates signed and the same PEM written with the
cryptography library directly, the same bytes packed with libdeflate and the same files written
plainly. The floor knows everything in advance and checks nothing. A second yardstick is cfssl,
which makes a sample of the same certificates the classical way, one call for each.

Goals: a ratio of at most 2 at both sizes, less than 500 MB at 10,000 workers.
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import json
import os
import platform
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import deflate
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nodeseed import __version__
from nodeseed.outputs.cluster_state import ClusterState
from nodeseed.pipeline import Chance, Choices, Report, prepare, render_cluster
from nodeseed.pki.authority import Content
from nodeseed.pki.certificates import CERTIFICATES, Names, identity, split_names
from nodeseed.pki.encoding import SCHEME, length_prefixed
from nodeseed.pki.identities import Statements
from nodeseed.pki.keys import generate_key
from nodeseed.pki.seed import Seed
from nodeseed.render.encode import cloud_config_text, gzip
from nodeseed.render.node import PROGRAM
from nodeseed_lab.programs import ProgramError, program

SIZES = {1_000: 3, 10_000: 1}  # workers, and of how many rounds the best counts
SAMPLE = 100
GOAL_RATIO = 2.0
GOAL_BYTES = 500_000_000
RESULTS = Path(__file__).parent / "results"

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECRET = bytes(range(32))
_LEVEL = 12
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def cluster_file(workers: int) -> bytes:
    """Three control planes and a pool on AWS, all else by default."""
    return f"""\
apiVersion: nodeseed.dev/v1alpha1
kind: Cluster
name: bench
platform: {{name: aws, region: eu-central-1}}
kubernetes: {{version: "1.37.2"}}
endpoint: {{host: api.bench.example.com}}
networking:
  podSubnet: 10.128.0.0/9
  serviceSubnet: 10.96.0.0/12
  cni: none
  subnets: [{{cidr: 10.0.0.0/16, zone: eu-central-1a}}]
nodes:
  - {{name: cp-1, role: control-plane, address: 10.0.0.11}}
  - {{name: cp-2, role: control-plane, address: 10.0.0.12}}
  - {{name: cp-3, role: control-plane, address: 10.0.0.13}}
pools:
  - {{name: web, role: worker, count: {workers}, firstAddress: 10.0.1.0}}
""".encode()


def render(folder: Path, workers: int) -> Report:
    """A whole render into an empty folder, with fixed time and secret."""
    state = ClusterState(folder / "bench.yaml")
    state.spec.write_bytes(cluster_file(workers))
    chance = Chance(now=NOW, secret=lambda _: SECRET, generate_key=generate_key)
    return render_cluster(state, Choices(out=folder / "out"), chance)


@contextmanager
def stopwatch(into: dict[str, float], name: str) -> Iterator[None]:
    """Adds wall and processor seconds of the block to ``into``."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        for kind, seconds in (
            ("wall", time.perf_counter() - wall),
            ("cpu", time.process_time() - cpu),
        ):
            into[f"{name}_{kind}"] = into.get(f"{name}_{kind}", 0.0) + seconds


def measure_render(workers: int) -> dict[str, Any]:
    """Seconds of a render, the most memory that it ever had, and what came out."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        with stopwatch(seconds, "render"):
            report = render(folder, workers)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            **seconds,
            "peak_bytes": peak,
            "peak_bytes_before": before,
            "files": report.written,
            "lock_bytes": (folder / "bench.lock.json").stat().st_size,
            "sizes": sizes(folder / "out", report),
        }


def sizes(out: Path, report: Report) -> dict[str, Any]:
    """Bytes as sent of the largest node of each role, with and without the on-node program."""
    found = {}
    for role in ("control-plane", "worker"):
        row = max((row for row in report.rows if row.role == role), key=lambda row: row.size)
        document = yaml.safe_load((out / row.node / "user-data.yaml").read_text())
        document["write_files"] = [
            file for file in document["write_files"] if file["path"] != PROGRAM
        ]
        without = len(gzip(cloud_config_text(document)))
        found[role] = {"with_program": row.size, "without_program": without}
    return found


# --- The floor --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Pair:
    """One key pair as the floor is told of it."""

    info: bytes
    content: Content | None
    issuer: str
    serial: int


def measure_floor(workers: int) -> dict[str, Any]:
    """Seconds for the same keys, certificates, packed bytes and files, and nothing else."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        render(folder, workers)
        pairs = list(known_pairs(folder))
        secret = Seed(SECRET)._pseudorandom_key  # so that the keys are the very same
        with stopwatch(seconds, "pki"):
            issue_all(pairs, secret)
        plain = folder / "plain"
        plain.mkdir()
        texts = 0
        for node in sorted(path for path in (folder / "out").iterdir() if path.is_dir()):
            files = [(path.name, path.read_bytes()) for path in node.iterdir()]
            text = dict(files)["user-data.yaml"]
            texts += len(text)
            with stopwatch(seconds, "gzip"):
                deflate.gzip_compress(text, _LEVEL)
            with stopwatch(seconds, "write"):
                target = f"{plain}/{node.name}"
                os.mkdir(target)  # noqa: PTH102 - the floor
                for name, content in files:
                    with open(f"{target}/{name}", "wb") as file:  # noqa: PTH123 - the floor
                        file.write(content)
    return {
        **seconds,
        "floor_wall": sum(value for name, value in seconds.items() if name.endswith("_wall")),
        "floor_cpu": sum(value for name, value in seconds.items() if name.endswith("_cpu")),
        "certificates": sum(pair.content is not None for pair in pairs),
        "text_bytes": texts,
    }


def known_pairs(folder: Path) -> Iterator[Pair]:
    """Every key pair of the cluster, CAs first, worked out before the clock runs."""
    state = ClusterState(folder / "bench.yaml")
    design, lock = prepare(state), state.required_lock()
    statements = Statements(design.cluster.pki, lock)
    rows: list[tuple[Any, Names]] = [
        (row, Names())
        for row in sorted(CERTIFICATES, key=lambda row: not row.is_ca)
        if not row.of_node
    ]
    for machine in design.machines:
        names = design.names(machine)
        rows += [(row, names) for row in design.certificates(machine) if row.of_node]
    for serial, (row, names) in enumerate(rows, 1):
        info = length_prefixed(
            (SCHEME, "key", lock.cluster, identity(row, names.node), "ECDSA-P256", 1)
        )
        content = statements.content(row, names) if row.issuer else None
        # As long as real ones, so that the certificates have the same size.
        yield Pair(info, content, row.issuer or "", (1 << 158) + serial)


def issue_all(pairs: list[Pair], secret: bytes) -> int:
    """Derive, sign and write PEM, with the library alone; gives the bytes made."""
    authorities: dict[str, ec.EllipticCurvePrivateKey] = {}
    shared: dict[str, list[tuple[x509.ExtensionType, bool]]] = {}
    names: dict[tuple[str, str], x509.Name] = {}
    made = 0
    for pair in pairs:
        material = HKDFExpand(hashes.SHA256(), 48, pair.info).derive(secret)
        scalar = int.from_bytes(material, "big") % (_ORDER - 1) + 1
        key = ec.derive_private_key(scalar, ec.SECP256R1())
        made += len(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        content = pair.content
        if content is None:
            continue
        if content.is_ca:
            authorities[pair.issuer] = key
        issuer_key = authorities[pair.issuer]
        kind = f"{pair.issuer}{content.usages}{content.is_ca}"
        if kind not in shared:
            shared[kind] = _extensions(content, issuer_key)
        subject = (content.common_name, content.organization)
        for name in (subject, (content.issuer, "")):
            if name not in names:
                names[name] = _name(*name)
        builder = x509.CertificateBuilder(
            issuer_name=names[content.issuer, ""],
            subject_name=names[subject],
            public_key=key.public_key(),
            serial_number=pair.serial,
            not_valid_before=content.not_before.replace(tzinfo=None),
            not_valid_after=content.not_after.replace(tzinfo=None),
            extensions=[
                x509.Extension(extension.oid, critical, extension)
                for extension, critical in (*shared[kind], *_alternative(content))
            ],
        )
        signed = builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True)
        made += len(signed.public_bytes(serialization.Encoding.PEM))
    return made


def _name(common_name: str, organization: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _extensions(
    content: Content, issuer_key: ec.EllipticCurvePrivateKey
) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=content.is_ca,
        crl_sign=content.is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    oids = {
        "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
        "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    found: list[tuple[x509.ExtensionType, bool]] = [(usage, True)]
    if content.usages:
        found.append((x509.ExtendedKeyUsage([oids[usage] for usage in content.usages]), False))
    found.append((x509.BasicConstraints(content.is_ca, 0 if content.is_ca else None), True))
    public = issuer_key.public_key()
    found.append(
        (x509.SubjectKeyIdentifier.from_public_key(public), False)
        if content.is_ca
        else (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)
    )
    return found


def _alternative(content: Content) -> list[tuple[x509.ExtensionType, bool]]:
    if not content.names:
        return []
    dns, addresses = split_names(content.names)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns]
    names += [x509.IPAddress(ip_address(address)) for address in addresses]
    return [(x509.SubjectAlternativeName(names), False)]


# --- cfssl ------------------------------------------------------------------------------------


def measure_cfssl(workers: int) -> dict[str, Any]:
    """Seconds for a sample of workers' certificates, one call of cfssl and cfssljson for each."""
    cfssl, cfssljson = program("cfssl"), program("cfssljson")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        render(folder, min(workers, SAMPLE))
        contents = [pair.content for pair in known_pairs(folder) if pair.content]
        sample = [content for content in contents if not content.is_ca][-SAMPLE:]
        _run(
            cfssl,
            cfssljson,
            ["gencert", "-initca", "-"],
            {"CN": "kubernetes", "key": {"algo": "ecdsa", "size": 256}},
            folder / "ca",
        )
        usages = {"serverAuth": "server auth", "clientAuth": "client auth"}
        config = {
            "signing": {
                "profiles": {
                    name: {"usages": ["signing", words], "expiry": "26280h"}
                    for name, words in usages.items()
                }
            }
        }
        (folder / "config.json").write_text(json.dumps(config))
        started = time.perf_counter()
        for number, content in enumerate(sample):
            request = {
                "CN": content.common_name,
                "names": [{"O": content.organization}],
                "hosts": list(content.names) or [""],
                "key": {"algo": "ecdsa", "size": 256},
            }
            arguments = [
                "gencert",
                f"-ca={folder / 'ca.pem'}",
                f"-ca-key={folder / 'ca-key.pem'}",
                f"-config={folder / 'config.json'}",
                f"-profile={content.usages[0]}",
                "-",
            ]
            _run(cfssl, cfssljson, arguments, request, folder / f"leaf-{number}")
        seconds = time.perf_counter() - started
        assert len(list(folder.glob("leaf-*-key.pem"))) == len(sample)
        return {"sample": len(sample), "seconds_each": seconds / len(sample)}


def _run(cfssl: Path, cfssljson: Path, arguments: list[str], request: Any, base: Path) -> None:
    made = subprocess.run(
        [cfssl, *arguments],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=True,
    )
    subprocess.run([cfssljson, "-bare", base], input=made.stdout, check=True, capture_output=True)


# --- The whole --------------------------------------------------------------------------------

MEASUREMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "render": measure_render,
    "floor": measure_floor,
    "cfssl": measure_cfssl,
}


def apart(what: str, workers: int) -> dict[str, Any]:
    """A measurement in a process of its own, which stays on one core."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.render", "--measure", what, "--workers", str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def best(what: str, workers: int, rounds: int, by: str) -> dict[str, Any]:
    """The fastest of several: other work on the machine only ever makes it slower."""
    return min((apart(what, workers) for _ in range(rounds)), key=lambda found: found[by])


def compare(workers: int, rounds: int) -> dict[str, Any]:
    """One size: the render, the floor, and how they compare."""
    rendered = best("render", workers, rounds, "render_cpu")
    floor = best("floor", workers, rounds, "floor_cpu")
    return {
        "workers": workers,
        "ratio_cpu": rendered["render_cpu"] / floor["floor_cpu"],
        "ratio_wall": rendered["render_wall"] / floor["floor_wall"],
        "render": rendered,
        "floor": floor,
    }


def show(result: dict[str, Any]) -> None:
    """What a person wants to know."""
    for size in result["sizes"]:
        rendered, floor = size["render"], size["floor"]
        good = size["ratio_cpu"] <= GOAL_RATIO and rendered["peak_bytes"] < GOAL_BYTES
        print(f"{size['workers']:,} workers + 3 control planes, {rendered['files']:,} files")
        print(
            f"  render {rendered['render_cpu']:.2f} s (wall {rendered['render_wall']:.2f}), floor "
            f"{floor['floor_cpu']:.2f} s (wall {floor['floor_wall']:.2f}): keys and certificates "
            f"{floor['pki_cpu']:.2f}, gzip {floor['gzip_cpu']:.2f}, files {floor['write_cpu']:.2f}"
        )
        print(
            f"  ratio {size['ratio_cpu']:.2f} (wall {size['ratio_wall']:.2f}; goal {GOAL_RATIO:g}),"
            f" peak memory {rendered['peak_bytes'] / 1e6:.0f} MB (goal {GOAL_BYTES / 1e6:.0f}):"
            f" {'good' if good else 'MISSED'}"
        )
        print(f"  lock {rendered['lock_bytes']:,} bytes")
    for role, found in result["sizes"][0]["render"]["sizes"].items():
        print(
            f"AWS {role}, as sent: {found['with_program']:,} bytes, "
            f"{found['without_program']:,} without the on-node program (limit 16,384)"
        )
    cfssl = result["cfssl"]
    if "seconds_each" not in cfssl:
        print(f"cfssl: {cfssl['missing']}")
        return
    for size in result["sizes"]:
        floor, rendered = size["floor"], size["render"]
        scaled = cfssl["seconds_each"] * floor["certificates"]
        print(
            f"cfssl, {floor['certificates']:,} certificates (scaled from {cfssl['sample']}): "
            f"{scaled:.0f} s, {scaled / rendered['render_wall']:.1f} times the whole render"
        )


def profile(workers: int) -> None:
    """Where the time goes, by own time and by cumulative time."""
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as place:
        profiler.runcall(render, Path(place), workers)
    stats = pstats.Stats(profiler).strip_dirs()
    stats.sort_stats("tottime").print_stats(30)
    stats.sort_stats("cumtime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--measure", choices=MEASUREMENTS, help="only this, as JSON")
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--profile", action="store_true", help="show where a render's time goes")
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if chosen.measure:
        print(json.dumps(MEASUREMENTS[chosen.measure](chosen.workers)))
        return
    if chosen.profile:
        profile(chosen.workers)
        return
    try:
        for name in ("cfssl", "cfssljson"):
            program(name)
        cfssl = apart("cfssl", SAMPLE)
    except ProgramError as error:
        cfssl = {"missing": str(error)}
    result = {
        "nodeseed": __version__,
        "python": platform.python_version(),
        "libraries": {
            name: metadata.version(name) for name in ("cryptography", "deflate", "pyyaml")
        },
        "cfssl": cfssl,
        "sizes": [compare(workers, rounds) for workers, rounds in SIZES.items()],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "render.json").write_text(json.dumps(result, indent=1) + "\n")
    show(result)


if __name__ == "__main__":
    main()
