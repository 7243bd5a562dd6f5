"""Static tokens of users, derived from the seed like keys."""

from __future__ import annotations

import base64

from nodeseed.pki.seed import Seed


def static_token(seed: Seed, cluster: str, name: str) -> str:
    """32 lower-case characters (160 bits) for ``generation/user``."""
    generation, _, user = name.partition("/")
    secret = seed.derive(
        20, purpose="token", cluster=cluster, identity=user, generation=int(generation)
    )
    return base64.b32encode(secret).decode().lower()
