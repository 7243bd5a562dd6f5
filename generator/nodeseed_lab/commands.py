"""What a machine of the lab is asked by commands that run in it, whatever it is made of."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

from nodeseed_lab.errors import LabError

STATUS = "/run/nodeseed/status.json"


class Commands(ABC):
    """A machine in which commands can be run.

    Args:
        node: the node's name.
    """

    def __init__(self, node: str) -> None:
        self.node = node

    @abstractmethod
    def exec(self, *command: str) -> tuple[int, str]:
        """Run a command in it; give its exit code and all that it printed."""

    def run(self, *command: str) -> str:
        """Run a command in it; give what it printed.

        Raises:
            LabError: the command failed; the message holds what it printed.
        """
        code, output = self.exec(*command)
        if code:
            raise LabError(
                f"{self.node}: `{' '.join(command)}` ended with {code}: {output.strip()}"
            )
        return output

    def read(self, path: str) -> str:
        """Give the content of a file in it."""
        return self.run("cat", path)

    def steps(self) -> dict[str, str]:
        """Give what each step of nodeseed's program said last; nothing before the first spoke."""
        code, text = self.exec("cat", STATUS)
        return dict(json.loads(text)) if code == 0 else {}
