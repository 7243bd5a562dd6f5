"""Published vectors: what a seed gives today, it gives in every release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodeseed.errors import SeedError
from nodeseed.pki.encoding import length_prefixed
from nodeseed.pki.keys import DerivedKeys
from nodeseed.pki.seed import Seed, parse_seed, seed_text
from nodeseed.pki.tokens import static_token

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


@pytest.mark.parametrize(
    "vector", VECTORS["keys"], ids=lambda v: f"{v['identity']}#{v['generation']}"
)
def test_keys_are_those_of_the_published_vectors(vector: dict[str, str]) -> None:
    keys = DerivedKeys(parse_seed(vector["seed"], "vector"), vector["cluster"])
    key = keys.key(vector["identity"], vector["algorithm"], int(vector["generation"]))
    numbers = key.private_numbers()
    assert f"{numbers.private_value:064x}" == vector["scalar"]


def test_other_secrets_are_those_of_the_published_vectors() -> None:
    for vector in VECTORS["seeds"]:
        secret = bytes.fromhex(vector["secret"])
        assert seed_text(secret) == vector["text"]
        seed = Seed(secret)
        assert seed.fingerprint(vector["cluster"]) == vector["fingerprint"]
        assert seed.cluster_id(vector["cluster"]) == vector["clusterID"]


def test_static_tokens_are_those_of_the_published_vectors() -> None:
    for vector in VECTORS["tokens"]:
        seed = parse_seed(vector["seed"], "vector")
        name = f"{vector['generation']}/{vector['user']}"
        assert static_token(seed, vector["cluster"], name) == vector["token"]


def test_hkdf_is_that_of_rfc_5869() -> None:
    """The same bytes by hand: extract with the salt, expand with the length-prefixed info."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    secret = bytes(range(32))
    extracted = hmac.digest(b"nodeseed.dev seed v1", secret, hashlib.sha256)
    info = length_prefixed(("nodeseed/v1", "key", "prod", "ca", "ECDSA-P256", 1))
    first = hmac.digest(extracted, info + b"\x01", hashlib.sha256)
    second = hmac.digest(extracted, first + info + b"\x02", hashlib.sha256)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    scalar = int.from_bytes((first + second)[:48], "big") % (order - 1) + 1
    key = DerivedKeys(Seed(secret), "prod").key("ca", "ECDSA-P256", 1)
    assert key.private_numbers().private_value == scalar


def test_no_two_lists_encode_alike() -> None:
    assert length_prefixed(["ab", "c"]) != length_prefixed(["a", "bc"])
    assert length_prefixed(["a"]) != length_prefixed(["a", ""])


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-1], lambda t: t[:20] + "z" + t[21:], lambda t: t + "a"]
)
def test_a_damaged_seed_is_found(damage: object) -> None:
    text = seed_text(bytes(range(32)))
    with pytest.raises(SeedError, match="damaged"):
        parse_seed(damage(text), "x.seed")  # type: ignore[operator]


def test_a_passphrase_is_no_seed_and_is_not_shown() -> None:
    with pytest.raises(SeedError, match="no passphrases") as refused:
        parse_seed("correct horse battery staple", "x.seed")
    assert "horse" not in str(refused.value)


def test_a_seed_shows_nothing_of_itself() -> None:
    assert repr(Seed(bytes(32))) == "Seed(…)"
