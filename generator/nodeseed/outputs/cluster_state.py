"""A cluster's files beside each other: ``prod.yaml``, ``prod.seed``, ``prod.lock.json``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nodeseed.errors import LockError, Problem, SeedError, SpecError
from nodeseed.outputs.files import read_secret, write_private, write_public
from nodeseed.outputs.seed_sources import Client, aws_client, open_seed
from nodeseed.pki.lock import Lock, dump_lock, load_lock
from nodeseed.pki.seed import Seed, parse_seed, seed_text
from nodeseed.spec.load import Document, load
from nodeseed.spec.source import RESERVED


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Where a cluster's files are, and what the environment says of its seed.

    Attributes:
        spec: the cluster file.
        seed_file: from ``--seed-file``; None: beside the cluster file.
        seed_variable: content of NODESEED_SEED; None: not set.
        identity: file of NODESEED_AGE_IDENTITY, which opens a seed that is encrypted with age.
        client: makes a boto3 client, for a seed that rests in a store of AWS.
    """

    spec: Path
    seed_file: Path | None = None
    seed_variable: str | None = None
    identity: Path | None = None
    client: Client = aws_client

    @property
    def seed_path(self) -> Path:
        """Where the seed is, or will be."""
        return self.seed_file or self.spec.with_suffix(".seed")

    @property
    def lock_path(self) -> Path:
        """Where the lock is, or will be."""
        return self.spec.with_suffix(".lock.json")

    @property
    def bundle_path(self) -> Path:
        """Where stored keys are (``pki.keys: stored``)."""
        return self.spec.with_suffix(".keys.json")

    def document(self) -> Document:
        """The cluster file, of good form."""
        try:
            text = self.spec.read_bytes()
        except OSError as error:
            cure = "make one with `nodeseed new NAME`" if not self.spec.exists() else ""
            raise SpecError(
                [Problem(f"cannot be read: {error.strerror}", cure, file=str(self.spec))]
            ) from None
        return load(text, str(self.spec))

    def manifests(self, document: Document) -> dict[str, str]:
        """Content of the files that the cluster file names under ``manifests``."""
        found, problems = {}, []
        for index, name in enumerate(document.cluster.manifests):
            try:
                found[name] = (self.spec.parent / name).read_text(encoding="utf-8")
                if any(character in found[name] for character in RESERVED):
                    raise ValueError("it holds a reserved character (U+E000)")
            except (OSError, ValueError) as error:
                said = getattr(error, "strerror", None) or str(error)
                problems.append(
                    document.source.problem(
                        ("manifests", index),
                        f"{name} cannot be read: {said}",
                        "name a UTF-8 text file, relative to the cluster file",
                    )
                )
        if problems:
            raise SpecError(problems)
        return found

    def lock(self) -> Lock | None:
        """The lock, or None where there is none yet."""
        try:
            text = self.lock_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LockError(f"{self.lock_path}: cannot be read: {error.strerror}") from None
        return load_lock(text, str(self.lock_path))

    def required_lock(self) -> Lock:
        """The lock; LockError where there is none."""
        lock = self.lock()
        if lock is None:
            raise LockError(
                f"{self.lock_path}: there is no lock file yet; the first `nodeseed render` makes it"
            )
        return lock

    def seed(self) -> Seed | None:
        """The seed, or None where there is none yet."""
        if self.seed_variable is not None:
            return self._opened(self.seed_variable.encode(), "NODESEED_SEED")
        if not self.seed_path.exists():
            if self.seed_file:
                raise SeedError(f"{self.seed_path}: there is no such seed file")
            return None
        return self._opened(read_secret(self.seed_path), str(self.seed_path))

    def _opened(self, content: bytes, origin: str) -> Seed:
        text = open_seed(content, origin, identity=self.identity, client=self.client)
        return parse_seed(text, origin)

    def bundle(self) -> bytes | None:
        """The encrypted bundle of stored keys, or None where there is none yet."""
        try:
            return self.bundle_path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SeedError(f"{self.bundle_path}: cannot be read: {error.strerror}") from None

    def save_seed(self, secret: bytes) -> None:
        """Write the seed (0600); only ever where there was none."""
        write_private(self.seed_path, (seed_text(secret) + "\n").encode())

    def save_bundle(self, bundle: bytes) -> None:
        """Write the encrypted bundle."""
        write_private(self.bundle_path, bundle)

    def save_lock(self, lock: Lock) -> None:
        """Write the lock, which belongs in git."""
        write_public(self.lock_path, dump_lock(lock))
