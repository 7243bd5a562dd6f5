"""The last step: cloud-config as text, and text as the bytes that a platform takes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Final

import deflate
import yaml

from nodeseed.platforms.platform import Platform

_LEVEL = 12  # libdeflate's best; zlib's output differs from build to build, libdeflate is pinned
_BOUNDARY = "nodeseed"


class _Dumper(yaml.CSafeDumper):
    """YAML as a person would write it: text of several lines as literal blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: Any) -> str:
    """A document as YAML in ASCII, keys in their order, long lines unbroken.

    cloud-init's way through a packed MIME part (user_data.py) garbles anything but ASCII, and some
    platforms' forms do; so other characters are written as YAML's escapes.
    """
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=1 << 20
    )
    return text


def cloud_config_text(document: dict[str, Any]) -> str:
    """A cloud-config as cloud-init reads it: the readable form of user-data."""
    return "#cloud-config\n" + yaml_text(document)


def gzip(text: str) -> bytes:
    """RFC 1952, without name and time: the same text, the same bytes, on every machine."""
    return bytes(deflate.gzip_compress(text.encode(), _LEVEL))


def _mime(text: str) -> bytes:
    """One gzip part in base64, for platforms through which only text passes."""
    encoded = base64.encodebytes(gzip(text)).decode()
    return (
        "MIME-Version: 1.0\n"
        f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n'
        f"--{_BOUNDARY}\n"
        "Content-Type: application/gzip\n"
        "Content-Transfer-Encoding: base64\n\n"
        f"{encoded}"
        f"--{_BOUNDARY}--\n"
    ).encode()


ENCODINGS: Final[dict[str, Callable[[str], bytes]]] = {
    "gzip": gzip,
    "base64-gzip": lambda text: base64.b64encode(gzip(text)),
    "mime": _mime,
    "plain": lambda text: text.encode(),
}


def counted_bytes(platform: Platform, user_data: bytes) -> int:
    """What the platform holds against its limit."""
    if platform.counted == "base64":
        return 4 * ((len(user_data) + 2) // 3)
    return len(user_data)
