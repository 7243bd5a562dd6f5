"""Static tokens of users: the file that API servers read. Pure."""

from __future__ import annotations

from nodeseed.nodes.design import Design
from nodeseed.pki.certificates import PKI
from nodeseed.pki.references import reference

TOKEN_FILE = "known_tokens.csv"  # noqa: S105 - a name


def token_flags(design: Design) -> dict[str, str]:
    """What API servers are told of the file; nothing where there are no tokens."""
    if not design.cluster.apiServer.tokens:
        return {}
    return {"token-auth-file": f"{PKI}/{TOKEN_FILE}"}


def token_file(design: Design) -> str:
    """token,user,uid,"groups": a line for each, with a reference in place of the token.

    The format is that of kube-apiserver's --token-auth-file.
    """
    lines = []
    for token in design.cluster.apiServer.tokens:
        groups = ",".join(token.groups)
        cells = [
            reference("token", f"{token.generation}/{token.user}"),
            token.user,
            token.uid or token.user,
            *([f'"{groups}"'] if groups else []),
        ]
        lines.append(",".join(cells) + "\n")
    return "".join(lines)
