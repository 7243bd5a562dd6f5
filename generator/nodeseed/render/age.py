"""Payloads encrypted with age (age-encryption.org/v1, recipients of type X25519). Pure.

The library that opens seeds encrypts with chance of its own, and a render is to give the same bytes
each time. So the format is written here, out of the primitives of `cryptography`; what age draws by
chance is derived from the seed and the content instead, as keys are: other content, other chance.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

Chance = Callable[[int, str], bytes]

_VERSION: Final = "age-encryption.org/v1"
_CHUNK: Final = 64 << 10
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"  # BIP 173


def encrypted(plain: bytes, recipients: Sequence[str], chance: Chance) -> bytes:
    """An age file that each of the recipients can open.

    Args:
        plain: the content.
        recipients: such as ``age1…``, each checked (:mod:`nodeseed.transports.options`).
        chance: gives as many bytes as it is asked for, which nobody else knows or can guess, by
            what they are for; for another content they must be others.
    """
    file_key = chance(16, "file key")
    header = f"{_VERSION}\n"
    for recipient in recipients:
        header += _stanza(file_key, public_key(recipient), chance(32, recipient))
    header += "---"
    mac = hmac.digest(_derived(file_key, b"", "header"), header.encode(), "sha256")
    nonce = chance(16, "nonce")
    key = ChaCha20Poly1305(_derived(file_key, nonce, "payload"))
    chunks = [plain[start : start + _CHUNK] for start in range(0, len(plain), _CHUNK)] or [b""]
    sealed = [
        key.encrypt(number.to_bytes(11) + bytes([number == len(chunks) - 1]), chunk, None)
        for number, chunk in enumerate(chunks)
    ]
    return b"".join([f"{header} {_text(mac)}\n".encode(), nonce, *sealed])


def public_key(recipient: str) -> bytes:
    """The 32 bytes in a recipient: between ``age1`` and the checksum, five bits a character."""
    number = 0
    for character in recipient.lower()[4:-6]:
        number = number << 5 | _BECH32.index(character)
    return (number >> 4).to_bytes(32)


def _stanza(file_key: bytes, recipient: bytes, secret: bytes) -> str:
    """The file key, wrapped for one recipient."""
    ephemeral = X25519PrivateKey.from_private_bytes(secret)
    share = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    wrap = ChaCha20Poly1305(_derived(shared, share + recipient, f"{_VERSION}/X25519"))
    return f"-> X25519 {_text(share)}\n{_text(wrap.encrypt(bytes(12), file_key, None))}\n"


def _derived(key: bytes, salt: bytes, info: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info.encode()).derive(key)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
