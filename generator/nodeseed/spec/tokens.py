"""Static tokens: the ``apiServer.tokens`` block of the cluster file."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator

from nodeseed.spec.fields import Block, Form, Unique, line, refusal

_LISTS = Field(strict=False)


def _cell(value: Any) -> str:
    """Text that can stand between commas, and quotes, of the token file."""
    found = line(value)
    if set(found) & set(",\"' "):
        raise refusal(f"{found!r} holds a comma, a quote or a space", "choose another name")
    return found


Cell = Annotated[str, PlainValidator(_cell), Form("name without commas, quotes and spaces")]


class Token(Block):
    """A static token; it follows from the seed, and stands nowhere but in files of mode 0600."""

    user: Cell = Field(description="Whom the API server takes its bearer for.")
    uid: Cell | None = Field(default=None, description="The user's ID. Default: the user's name.")
    groups: Annotated[tuple[Cell, ...], _LISTS, Unique] = Field(
        default=(), description="The groups that the user is in; a RoleBinding gives them rights."
    )
    generation: Annotated[int, Field(ge=1)] = Field(
        default=1,
        description="A higher one is another token; the old one ends as the API servers restart.",
    )
