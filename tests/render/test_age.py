"""age files of our own: opened by age's library, the same each time, others for another content."""

from __future__ import annotations

import hashlib

import pyrage
import pytest

from nodeseed.render.age import encrypted

IDENTITIES = [pyrage.x25519.Identity.generate() for _ in range(3)]
RECIPIENTS = [str(identity.to_public()) for identity in IDENTITIES]


def chance(size: int, what: str) -> bytes:
    return hashlib.shake_256(what.encode()).digest(size)


def content(size: int) -> bytes:
    return hashlib.shake_256(b"content").digest(size)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_each_recipient_opens_it(size: int) -> None:
    sealed = encrypted(content(size), RECIPIENTS[:2], chance)
    for identity in IDENTITIES[:2]:
        assert pyrage.decrypt(sealed, [identity]) == content(size)


def test_nobody_else_does() -> None:
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(encrypted(b"secret", RECIPIENTS[:2], chance), [IDENTITIES[2]])


@pytest.mark.parametrize("at", [30, 100, 220, 260, -1])
def test_what_was_changed_is_not_opened(at: int) -> None:
    sealed = bytearray(encrypted(content(100), RECIPIENTS[:1], chance))
    sealed[at] ^= 1
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(bytes(sealed), IDENTITIES[:1])


def test_same_chance_same_bytes() -> None:
    once = encrypted(b"secret", RECIPIENTS, chance)
    assert encrypted(b"secret", RECIPIENTS, chance) == once
    other = encrypted(b"secret", RECIPIENTS, lambda size, what: chance(size, f"other {what}"))
    assert not set(once.splitlines()[1:]) & set(other.splitlines()[1:])


def test_no_two_purposes_share_chance() -> None:
    asked: list[str] = []

    def noted(size: int, what: str) -> bytes:
        asked.append(what)
        return chance(size, what)

    encrypted(b"secret", RECIPIENTS, noted)
    assert len(set(asked)) == len(asked) == 2 + len(RECIPIENTS)
