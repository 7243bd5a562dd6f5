"""A command in a container, with all that it printed.

Docker on a busy machine loses, now and then, the end of what a command printed, or all of it where
the command ended at once; nothing says so. So the output goes to a file first, and is followed by a
mark: without the mark it is asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import uuid4

from docker.errors import APIError
from docker.models.containers import Container

FOLDER = "/dev/shm/nodeseed-lab"  # noqa: S108 - the container's, in memory
MARK = b"\4"
TRIES = 5

# What is lost least often is what is printed a while before the end.
PRINT = 'cat "$f"; printf "\\4"; sleep 0.1'
RUN = (
    f"mkdir -p {FOLDER}; find {FOLDER} -type f -mmin +1 -delete; "
    f'f={FOLDER}/$0; "$@" >"$f" 2>&1; code=$?; {PRINT}; exit $code'
)
AGAIN = f"f={FOLDER}/$0; {PRINT}"


def run_in(container: Container, command: Sequence[str]) -> tuple[int, bytes]:
    """Run a command in a container.

    Returns:
        Its exit code, and all that it printed on either stream. Less if the container went while it
        ran.

    Raises:
        APIError: the container does not run.
    """
    name = uuid4().hex
    done = container.exec_run(["sh", "-c", RUN, name, *command])
    output = cast("bytes", done.output)
    for _ in range(TRIES):
        if output.endswith(MARK):
            break
        try:
            output = cast("bytes", container.exec_run(["sh", "-c", AGAIN, name]).output)
        except APIError:
            break
    return done.exit_code or 0, output.removesuffix(MARK)
