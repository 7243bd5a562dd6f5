"""How fast, how lean and how large: measures it all, or one thing, or shows where time goes."""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib import metadata
from pathlib import Path

from benchmarks.render.cfssl import SAMPLE
from benchmarks.render.measurements import MEASUREMENTS, apart, compare, profile
from benchmarks.render.report import show
from nodeseed import __version__
from nodeseed_lab.programs import ProgramError, program

SIZES = {1_000: 3, 10_000: 1}  # workers, and of how many rounds the best counts
RESULTS = Path(__file__).parents[1] / "results"


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
