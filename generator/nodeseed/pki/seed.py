"""The seed: 32 random bytes, the only secret of a cluster.

As text it names its scheme and carries a checksum, so that a truncated paste is found before
anything is derived from it: ``nodeseed1-`` and 58 characters of lower-case base32 (RFC 4648) over
the 32 bytes and the first four bytes of their SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from nodeseed.errors import SeedError
from nodeseed.pki.encoding import SCHEME, length_prefixed

SEED_BYTES = 32
_PREFIX = "nodeseed1-"
_CHECKSUM_BYTES = 4
_SALT = b"nodeseed.dev seed v1"


class Seed:
    """Derives every secret of one cluster; it shows nothing of itself when printed.

    HKDF (RFC 5869) with SHA-256: extracted once with a fixed salt, expanded for each secret with
    ``info`` = the length-prefixed list [scheme, purpose, cluster, identity, algorithm, generation].
    One leaked secret tells nothing of the others.
    """

    __slots__ = ("_pseudorandom_key",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SEED_BYTES:
            raise SeedError(f"a seed has {SEED_BYTES} bytes, this one has {len(secret)}")
        self._pseudorandom_key = hmac.digest(_SALT, secret, "sha256")

    def __repr__(self) -> str:
        return "Seed(…)"

    def derive(
        self,
        length: int,
        *,
        purpose: str,
        cluster: str,
        identity: str = "",
        algorithm: str = "",
        generation: int = 1,
    ) -> bytes:
        """``length`` secret bytes for one purpose and identity."""
        info = length_prefixed((SCHEME, purpose, cluster, identity, algorithm, generation))
        return HKDFExpand(hashes.SHA256(), length, info).derive(self._pseudorandom_key)

    def fingerprint(self, cluster: str) -> str:
        """32 hexadecimal digits by which the lock knows its seed; of no use to anybody else."""
        return self.derive(16, purpose="fingerprint", cluster=cluster).hex()

    def cluster_id(self, cluster: str) -> str:
        """16 hexadecimal digits that tell this cluster from others of the same name."""
        return self.derive(8, purpose="cluster-id", cluster=cluster).hex()


def seed_text(secret: bytes) -> str:
    """32 bytes as the text that is kept in a seed file."""
    checked = secret + hashlib.sha256(secret).digest()[:_CHECKSUM_BYTES]
    return _PREFIX + base64.b32encode(checked).decode().rstrip("=").lower()


def parse_seed(text: str, origin: str) -> Seed:
    """The seed in ``text``.

    Args:
        text: what a seed file or NODESEED_SEED holds; space around it does not matter.
        origin: where it came from, for the message.

    Raises:
        SeedError: it is no seed or is damaged. The message shows nothing of it.
    """
    stripped = text.strip()
    if not stripped.startswith(_PREFIX):
        raise SeedError(
            f"{origin}: this is no seed; a seed begins with {_PREFIX!r} and is made by the first "
            "`nodeseed render`; nodeseed takes no passphrases"
        )
    encoded = stripped.removeprefix(_PREFIX).upper()
    try:
        checked = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
    except (binascii.Error, ValueError):
        checked = b""
    secret, checksum = checked[:SEED_BYTES], checked[SEED_BYTES:]
    if checksum != hashlib.sha256(secret).digest()[:_CHECKSUM_BYTES] or len(secret) != SEED_BYTES:
        raise SeedError(
            f"{origin}: the seed is damaged (its checksum does not match); "
            "restore it from your backup, character by character the same"
        )
    return Seed(secret)
