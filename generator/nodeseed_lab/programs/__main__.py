"""Build the programs of the lab and the integration tests: all missing, or the named ones."""

import argparse
import sys
import time

from nodeseed_lab.programs import TABLE, ProgramError, program


def main() -> int:
    """Build, saying for each program in one line how long it took and where it is."""
    parser = argparse.ArgumentParser(prog="python -m nodeseed_lab.programs", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(TABLE)}"
    )
    for name in parser.parse_args().names or TABLE:
        began = time.monotonic()
        try:
            binary = program(name)
        except ProgramError as error:
            print(error, file=sys.stderr)
            return 1
        seconds = time.monotonic() - began
        print(f"{name:<28} {seconds:7.1f} s  {binary}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
