"""cfssl: certificates the classical way, one call for each."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.render.cluster import render
from benchmarks.render.floor import known_pairs
from nodeseed_lab.programs import program

SAMPLE = 100


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
