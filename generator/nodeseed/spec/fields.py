"""The kinds of values that a cluster file is made of, each with its rule and its cure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator
from pydantic_core import PydanticCustomError

from nodeseed.spec.source import Number

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DURATION = re.compile(r"([1-9][0-9]{0,6})([hd])")
_SECONDS = re.compile(r"([1-9][0-9]{0,4})([sm])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_AMOUNT = re.compile(r"([1-9][0-9]{0,6})([MG]i)")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_TWO_FAMILIES = 2


class Block(BaseModel):
    """A mapping of the cluster file: unknown keys are refused, values never change."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )


@dataclass(frozen=True, slots=True)
class Form:
    """How the reference describes a value (metadata of an Annotated type)."""

    text: str


def refusal(rule: str, cure: str) -> PydanticCustomError:
    """An error that carries rule and cure to :mod:`nodeseed.spec.load`."""
    return PydanticCustomError("nodeseed", "{rule}", {"rule": rule, "cure": cure})


def _text(value: Any, what: str) -> str:
    if isinstance(value, Number):
        raise refusal(
            f"{value.text} without quotes is the number {float(value):g}",
            f'write it in quotes: "{value.text}"',
        )
    if not isinstance(value, str):
        raise refusal(f"{value!r} is no {what}", "write text, in quotes if it looks like a number")
    return value


def dns_label(value: Any) -> str:
    """A DNS label (RFC 1123): what hostnames, node names and certificates can all carry."""
    text = _text(value, "DNS label")
    if not _LABEL.fullmatch(text):
        raise refusal(
            f"{text!r} is no DNS label",
            "use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends (RFC 1123)",
        )
    return text


def is_dns_name(text: str) -> bool:
    """Whether ``text`` is a DNS name (RFC 1123 subdomain, at most 253 characters)."""
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in text.split("."))


def parse_address(text: str) -> Address | None:
    """The IP address in ``text``, or None."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def host(value: Any) -> str:
    """A DNS name or an IP address."""
    text = _text(value, "host")
    address = parse_address(text)
    if address is not None:
        return str(address)
    if not is_dns_name(text) or text.replace(".", "").isdigit():
        raise refusal(
            f"{text!r} is neither a DNS name nor an IP address",
            "write a lower-case name such as api.prod.example.com, or an address",
        )
    return text


def address(value: Any) -> Address:
    """One IP address."""
    found = parse_address(_text(value, "IP address"))
    if found is None:
        raise refusal(f"{value!r} is no IP address", "write it such as 10.0.0.11 or fd00::11")
    return found


def network(value: Any) -> Network:
    """One subnet in CIDR notation, without host bits."""
    text = _text(value, "subnet")
    try:
        loose = ip_network(text, strict=False)
    except ValueError:
        raise refusal(f"{text!r} is no subnet", "write it such as 10.0.0.0/24") from None
    if "/" not in text:
        raise refusal(f"{text!r} has no prefix length", "write it such as 10.0.0.0/24")
    if str(loose.network_address) != str(ip_address(text.split("/")[0])):
        raise refusal(f"{text!r} has bits behind its prefix length", f"write {loose}")
    return loose


def _one_or_two(value: Any, one: Any, what: str) -> tuple[Any, ...]:
    values = value if isinstance(value, list) else [value]
    found = tuple(one(entry) for entry in values)
    families = {entry.version for entry in found}
    if not found or len(found) > _TWO_FAMILIES or len(families) != len(found):
        raise refusal(
            f"{len(found)} {what} of {len(families)} IP family",
            f"write one of the {what}, or two of them, one IPv4 and one IPv6 (dual-stack)",
        )
    return found


def addresses(value: Any) -> tuple[Address, ...]:
    """One IP address, or a list of one IPv4 and one IPv6; the first is the node's own."""
    return _one_or_two(value, address, "addresses")


def networks(value: Any) -> tuple[Network, ...]:
    """One subnet, or a list of one IPv4 and one IPv6 subnet."""
    return _one_or_two(value, network, "subnets")


def _span(value: Any, pattern: re.Pattern[str], cure: str) -> timedelta:
    if isinstance(value, timedelta):  # a default
        return value
    found = pattern.fullmatch(_text(value, "duration"))
    if not found:
        raise refusal(f"{value!r} is no duration", cure)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def duration(value: Any) -> timedelta:
    """Whole hours or days: ``43800h``, ``7d``."""
    return _span(value, _DURATION, "write whole hours or days: 43800h, 7d")


def seconds(value: Any) -> timedelta:
    """Whole seconds or minutes: ``15s``, ``2m``."""
    return _span(value, _SECONDS, "write whole seconds or minutes: 15s, 2m")


def amount(value: Any) -> str:
    """An amount of memory or disk: ``512Mi``, ``4Gi``."""
    text = _text(value, "amount")
    if not _AMOUNT.fullmatch(text):
        raise refusal(f"{text!r} is no amount", "write whole Mi or Gi: 512Mi, 4Gi")
    return text


def in_bytes(quantity: str) -> int:
    """What ``512Mi`` or ``4Gi`` is in bytes."""
    return int(quantity[:-2]) * _BYTES[quantity[-2:]]


def version(value: Any) -> str:
    """A full release number such as ``1.37.2``."""
    text = _text(value, "version")
    if not re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}", text):
        raise refusal(
            f"{text!r} is no full version",
            'write all three numbers, in quotes: "1.37.2" (nothing is looked up at boot)',
        )
    return text


def text(value: Any) -> str:
    """Any text."""
    return _text(value, "text")


def line(value: Any) -> str:
    """Text without line breaks or other control characters."""
    found = _text(value, "text")
    if not found or any(ord(character) < 32 or ord(character) == 127 for character in found):
        raise refusal(f"{found!r} is empty or holds control characters", "write one line of text")
    return found


def qualified_name(value: Any) -> str:
    """A label or taint key: ``example.com/name`` or ``name``."""
    found = _text(value, "key")
    prefix, slash, name = found.rpartition("/")
    if (slash and not is_dns_name(prefix)) or not _QUALIFIED.fullmatch(name):
        raise refusal(f"{found!r} is no valid key", "write it such as example.com/name or name")
    return found


def label_value(value: Any) -> str:
    """A label's or taint's value: up to 63 of letters, digits, -, _ and ``.``."""
    found = _text(value, "label value")
    if found and not _QUALIFIED.fullmatch(found):
        raise refusal(f"{found!r} is no valid value", "use at most 63 letters, digits, -, _ and .")
    return found


def absolute_path(value: Any) -> str:
    """A normalised absolute path on the node."""
    found = line(value)
    if not found.startswith("/") or found.endswith("/") or "//" in found or "/." in found:
        raise refusal(f"{found!r} is no plain absolute path", "write it such as /etc/motd")
    return found


def permissions(value: Any) -> str:
    """An octal file mode of four digits, in quotes: ``"0644"``."""
    found = str(value) if isinstance(value, int) else _text(value, "file mode")
    if not re.fullmatch(r"0[0-7]{3}", found):
        raise refusal(f"{found!r} is no file mode", 'write four octal digits in quotes: "0644"')
    return found


def sha256(value: Any) -> str:
    """A SHA-256 digest: 64 hexadecimal digits."""
    found = _text(value, "SHA-256 digest").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", found):
        raise refusal(f"{found!r} is no SHA-256 digest", "write its 64 hexadecimal digits")
    return found


def download(value: Any) -> str:
    """An http or https URL."""
    found = line(value)
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", found):
        raise refusal(f"{found!r} is no URL", "write it such as https://dl.k8s.io")
    return found


def configuration(value: Any) -> dict[str, Any]:
    """Fields of somebody else's configuration, as they are."""
    if not isinstance(value, dict):
        raise refusal(f"{value!r} is no mapping", "write `key: value` pairs here")
    return {key: _plain(entry) for key, entry in value.items()}


def _plain(value: Any) -> Any:
    """Without the loader's own kind of numbers, which no YAML writer knows."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return float(value) if isinstance(value, Number) else value


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    seen = set()
    for value in values:
        if value in seen:
            raise refusal(f"{value} stands in the list twice", "keep one of the two")
        seen.add(value)
    return values


def _field(check: Any, form: str) -> Any:
    return (PlainValidator(check), Form(form))


DnsLabel = Annotated[str, *_field(dns_label, "DNS label")]
Host = Annotated[str, *_field(host, "DNS name or IP address")]
Addresses = Annotated[tuple[Address, ...], *_field(addresses, "IP address, or one of each family")]
OneAddress = Annotated[Address, *_field(address, "IP address")]
Networks = Annotated[tuple[Network, ...], *_field(networks, "subnet, or one of each family")]
Duration = Annotated[timedelta, *_field(duration, "duration in hours or days: 43800h, 7d")]
Seconds = Annotated[timedelta, *_field(seconds, "duration in seconds or minutes: 15s, 2m")]
Amount = Annotated[str, *_field(amount, "amount: 512Mi, 4Gi")]
FullVersion = Annotated[str, *_field(version, 'full version in quotes: "1.37.2"')]
Text = Annotated[str, *_field(text, "text")]
Line = Annotated[str, *_field(line, "text")]
Key = Annotated[str, *_field(qualified_name, "key, example.com/name or name")]
LabelValue = Annotated[str, *_field(label_value, "label value")]
NodePath = Annotated[str, *_field(absolute_path, "absolute path")]
Permissions = Annotated[str, *_field(permissions, 'octal mode in quotes: "0644"')]
Sha256 = Annotated[str, *_field(sha256, "SHA-256 digest")]
Url = Annotated[str, *_field(download, "http or https URL")]
Configuration = Annotated[dict[str, Any], *_field(configuration, "mapping")]
Unique = AfterValidator(_unique)
