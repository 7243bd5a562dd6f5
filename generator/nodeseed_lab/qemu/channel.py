"""JSON over a pair of sockets: how QEMU itself (QMP) and the agent inside a machine are asked.

Both speak one JSON object per line, and both are given a socket that is connected already, so that
no machine leaves a socket file behind and no path can be too long for one.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any


class ChannelError(Exception):
    """The other side is gone, silent, or answered with an error."""


class Channel:
    """One side of a pair of sockets; the other is inherited by QEMU.

    The inherited one is `theirs` until :meth:`given` closes our copy of it.
    """

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._rest = b""

    def given(self) -> None:
        """Close our copy of the other side, once QEMU has it."""
        self.theirs.close()

    def close(self) -> None:
        """Close both sides, as far as they are ours."""
        self._ours.close()
        self.theirs.close()

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command without waiting for its answer."""
        message: dict[str, Any] = {"execute": command}
        if arguments:
            message["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        try:
            self._ours.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise ChannelError(f"{command}: {error.strerror}") from None

    def receive(self, seconds: float) -> dict[str, Any]:
        """Give the next object that the other side sends.

        Raises:
            ChannelError: none came in time, or the other side is gone.
        """
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            self._ours.settimeout(max(0.001, end - time.monotonic()))
            try:
                piece = self._ours.recv(1 << 16)
            except TimeoutError:
                raise ChannelError(f"no answer within {seconds:g} s") from None
            except OSError as error:
                raise ChannelError(error.strerror) from None
            if not piece:
                raise ChannelError("closed")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return dict(json.loads(line))

    def ask(self, command: str, seconds: float = 30, **arguments: Any) -> Any:
        """Send a command, and give what it returns; events that come between are passed over.

        Args:
            command: the command's name.
            seconds: how long to wait for the answer.
            arguments: the command's, with `_` for `-`.

        Raises:
            ChannelError: there was no answer, or it was an error.
        """
        self.send(command, **arguments)
        while True:
            answer = self.receive(seconds)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise ChannelError(f"{command}: {answer['error']['desc']}")
