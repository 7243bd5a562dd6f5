"""Keys and certificates travel as hexadecimal DER, which packs a tenth smaller than PEM.

What certificates have in common (names, usages, algorithms) stands in each at another place. In
base64 it then reads differently, unless the places differ by a multiple of three bytes; in
hexadecimal it is the same text each time, which the compressor sees. The node's installer writes
PEM, as RFC 7468 has it.
"""

from __future__ import annotations

import base64
import re

_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----\n([A-Za-z0-9+/=\n]+)-----END \1-----\n")


def hexadecimal(pem: str) -> str:
    """``-----BEGIN CERTIFICATE-----…`` as ``CERTIFICATE 3082…``, one line.

    Raises:
        ValueError: it is not exactly one PEM block.
    """
    block = _PEM.fullmatch(pem)
    if block is None:
        raise ValueError("not one PEM block")
    return f"{block[1]} {base64.b64decode(block[2]).hex()}\n"
