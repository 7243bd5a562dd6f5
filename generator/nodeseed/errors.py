"""Every way in which nodeseed says no, as one tree.

Each leaf has an exit code of its own, so that scripts can tell the families apart::

    NodeseedError                      1  something unforeseen
    +-- InputError                        several problems, each with file, line and path
    |   +-- SpecError                  3  the cluster file
    +-- SeedError                      4  the seed: absent, unreadable, readable by others, wrong
    +-- LockError                      5  the lock file: absent, damaged, newer than this nodeseed
    +-- UpgradeNeeded                  6  this nodeseed renders differently from the one in the lock
    +-- LockWouldChange                7  ``render --locked`` found something new
    +-- PayloadTooLarge                8  a user-data over its platform's limit
    +-- OutputError                    9  the output folder cannot be written or is not ours
    +-- CertificateError              10  a CA would change, a certificate is expired or too young
    +-- Refused                       11  the operator said no, or must say yes first
    +-- PublishError              12  a store said no; what is there is whole, run it again
    +-- ImageError                13  Packer is missing, or could not bake an image
    +-- LabError                      20  in nodeseed_lab: Docker, an image or a machine of the lab

Exit code 2 is a wrong command line (as everywhere), 0 is success.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "CertificateError",
    "ImageError",
    "InputError",
    "LockError",
    "LockWouldChange",
    "NodeseedError",
    "OutputError",
    "PayloadTooLarge",
    "Problem",
    "PublishError",
    "Refused",
    "SeedError",
    "SpecError",
    "UpgradeNeeded",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        rule: what was found and which rule it breaks, as one sentence without a full stop.
        cure: what the reader should do, as one sentence without a full stop.
        path: where in the document, such as ``nodes[2].address``; empty for the whole of it.
        line: line number in the file, from 1; None where no line can be named.
        file: the file as the user named it.
    """

    rule: str
    cure: str
    path: str = ""
    line: int | None = None
    file: str = ""

    def __str__(self) -> str:
        """``clusters/prod.yaml:14: nodes[2].address: <rule>; <cure>``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        where = ": ".join(part for part in (place, self.path) if part)
        said = f"{self.rule}; {self.cure}" if self.cure else self.rule
        return f"{where}: {said}" if where else said


class NodeseedError(Exception):
    """The root of the tree; ``exit_code`` is what the process ends with."""

    exit_code = 1


class InputError(NodeseedError):
    """All problems of one input at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SpecError(InputError):
    """The cluster file asks for something that cannot be, or is no cluster file."""

    exit_code = 3


class SeedError(NodeseedError):
    """The seed cannot be used; the message never holds any part of it."""

    exit_code = 4


class LockError(NodeseedError):
    """The lock file cannot be used, or seed and lock do not belong together."""

    exit_code = 5


class UpgradeNeeded(NodeseedError):
    """Another nodeseed made the lock, and this one would render other bytes."""

    exit_code = 6


class LockWouldChange(NodeseedError):
    """``--locked`` was asked for and the lock is not up to date."""

    exit_code = 7


class PayloadTooLarge(NodeseedError):
    """At least one user-data is over its platform's limit."""

    exit_code = 8


class OutputError(NodeseedError):
    """The output folder cannot be written, or holds what is not ours."""

    exit_code = 9


class CertificateError(NodeseedError):
    """A certificate would be of no use, or a CA would change."""

    exit_code = 10


class Refused(NodeseedError):
    """A question was not answered with yes."""

    exit_code = 11


class PublishError(NodeseedError):
    """Payloads could not be published, or are not what they should be; run it again when mended."""

    exit_code = 12


class ImageError(NodeseedError):
    """An image could not be baked; Packer's own words are in the message, or were printed."""

    exit_code = 13
