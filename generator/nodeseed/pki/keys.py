"""Where private keys come from: derived from the seed, or random ones kept in an encrypted bundle.

Both are a :class:`KeySource`. A bundle fills only what is missing, so the first run, every later
run and the adoption of keys that exist already are one path.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nodeseed.errors import SeedError
from nodeseed.pki.seed import Seed

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# Order of the P-256 group (FIPS 186-5 / SP 800-186, n).
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

ALGORITHMS: dict[str, Callable[[], PrivateKey]] = {
    "ECDSA-P256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ECDSA-P384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA-2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA-3072": lambda: rsa.generate_private_key(65537, 3072),
    "RSA-4096": lambda: rsa.generate_private_key(65537, 4096),
}
DERIVABLE = ("ECDSA-P256",)


class KeySource(Protocol):
    """Gives the same key for the same identity, algorithm and generation, always."""

    def key(self, identity: str, algorithm: str, generation: int) -> PrivateKey:
        """The private key of ``identity``."""
        ...


class DerivedKeys:
    """Every key follows from the seed: nothing to store, nothing to lose but the seed."""

    def __init__(self, seed: Seed, cluster: str) -> None:
        self._seed = seed
        self._cluster = cluster

    def key(self, identity: str, algorithm: str, generation: int) -> PrivateKey:
        """A P-256 key from 48 derived bytes, reduced as in FIPS 186-5 A.2.1."""
        if algorithm not in DERIVABLE:
            raise ValueError(f"{algorithm} keys cannot be derived")
        material = self._seed.derive(
            48,
            purpose="key",
            cluster=self._cluster,
            identity=identity,
            algorithm=algorithm,
            generation=generation,
        )
        scalar = int.from_bytes(material, "big") % (_P256_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())


class StoredKeys:
    """Random keys in a bundle, encrypted (AES-256-GCM) with a key that follows from the seed.

    Args:
        seed: opens the bundle.
        cluster: the cluster's name.
        bundle: what was stored before, or None on the first run.
        generate: makes a new key for an algorithm; an argument, so that the core has no randomness.
    """

    def __init__(
        self,
        seed: Seed,
        cluster: str,
        bundle: bytes | None,
        generate: Callable[[str], PrivateKey],
    ) -> None:
        self._secret = seed.derive(32, purpose="key-bundle", cluster=cluster)
        self._cluster = cluster.encode()
        self._generate = generate
        self._pem: dict[str, str] = self._open(bundle) if bundle else {}
        self._keys: dict[str, PrivateKey] = {}
        self.changed = False

    def key(self, identity: str, algorithm: str, generation: int) -> PrivateKey:
        """The stored key; a new one is made and remembered where there is none yet."""
        name = f"{identity}#{generation}#{algorithm}"
        if name not in self._keys:
            if name in self._pem:
                loaded = serialization.load_pem_private_key(self._pem[name].encode(), None)
                assert isinstance(loaded, PrivateKey)  # noqa: S101 - authenticated, ours
                self._keys[name] = loaded
            else:
                self._keys[name] = self._generate(algorithm)
                self._pem[name] = private_pem(self._keys[name])
                self.changed = True
        return self._keys[name]

    def bundle(self, nonce: bytes) -> bytes:
        """The encrypted bundle, for keeping beside the cluster file; ``nonce``: 12 fresh bytes."""
        sealed = AESGCM(self._secret).encrypt(
            nonce, json.dumps(self._pem, sort_keys=True).encode(), self._cluster
        )
        text = {"schema": 1, "sealed": base64.b64encode(nonce + sealed).decode()}
        return (json.dumps(text) + "\n").encode()

    def _open(self, bundle: bytes) -> dict[str, str]:
        try:
            sealed = base64.b64decode(json.loads(bundle)["sealed"])
            opened = AESGCM(self._secret).decrypt(sealed[:12], sealed[12:], self._cluster)
        except (InvalidTag, ValueError, KeyError, TypeError):
            raise SeedError(
                "the key bundle does not open with this seed; seed and bundle belong together: "
                "restore both from the same backup"
            ) from None
        keys: dict[str, str] = json.loads(opened)
        return keys


def generate_key(algorithm: str) -> PrivateKey:
    """A fresh random key; the only place that makes one."""
    return ALGORITHMS[algorithm]()


def private_pem(key: PrivateKey) -> str:
    """PEM in the traditional form (EC PRIVATE KEY, RSA PRIVATE KEY), as kubeadm writes it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


# RFC 5915 ECPrivateKey for prime256v1 around the 32 bytes of the scalar, without the public key.
_P256_BEGIN = bytes.fromhex("3031020101 0420")
_P256_END = bytes.fromhex("a00a06082a8648ce3d030107")


def node_pem(key: PrivateKey) -> str:
    """The same for a node, where user-data's bytes count: a P-256 key without its public half.

    RFC 5915 makes that half optional; whoever reads it computes it (Go's crypto/x509 always does,
    OpenSSL where it is absent). It saves 68 bytes that no compressor can.
    """
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.key_size != 256:
        return private_pem(key)
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    text = base64.b64encode(_P256_BEGIN + scalar + _P256_END).decode()
    return (
        f"-----BEGIN EC PRIVATE KEY-----\n{text[:64]}\n{text[64:]}\n-----END EC PRIVATE KEY-----\n"
    )


def public_pem(key: PrivateKey) -> str:
    """PEM of the public key (PUBLIC KEY, PKIX), as kubeadm writes sa.pub."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
