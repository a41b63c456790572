"""Answers made from the output shapes of botocore's service models, whole ones and spoiled ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from random import Random

    from botocore.model import Shape

    from migrate_mfa.simulator.server.call import Reply
    from tests.answers.operations import Operation

_DEEPEST: Final = 6
_TEXTS: Final = (
    "",
    "x",
    "true",
    "ann@example.com",
    "+819012345678",
    "あ" * 40,
    "a\x1b[2J",
    "\ud800",
    "%7B",
    "{",
)
_NUMBERS: Final = (0, 1, -1, 7, 2**31, 2**63, -(2**63), 10**30)
_DATES: Final = (0, 1_700_000_000, 1_700_000_000.5, -1, -1e11, 253_402_300_800, 1e18, -1e18, 1e300)
_OTHERS: Final[tuple[Any, ...]] = (
    None,
    5,
    -0.5,
    True,
    "odd",
    "",
    [],
    {},
    [None],
    ["odd"],
    {"Odd": 1},
    [[]],
    1e400,
)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A body, and whether no Cognito can have meant it: it is cut, of another kind, or no answer at all."""

    body: bytes
    how: str
    broken: bool

    def instead_of(self, reply: Reply) -> Reply:
        html = self.how == "html"
        return replace(reply, body=self.body, content_type="text/html" if html else reply.content_type)


def made(shape: Shape | None, random: Random, deep: int = 0) -> Any:
    """An answer of this shape, members as they come: some are not there, and none of them fit together."""
    if shape is None or deep > _DEEPEST:
        return {}
    model: Any = shape
    if model.type_name == "structure":
        names = [name for name in model.members if random.random() < 0.9]
        return {name: made(model.members[name], random, deep + 1) for name in names}
    if model.type_name == "list":
        return [made(model.member, random, deep + 1) for _ in range(random.choice((0, 1, 1, 2)))]
    if model.type_name == "map":
        return {str(at): made(model.value, random, deep + 1) for at in range(random.randint(0, 2))}
    plain: dict[str, tuple[Any, ...]] = {"timestamp": _DATES, "boolean": (False, True)}
    plain |= dict.fromkeys(("integer", "long", "double", "float"), _NUMBERS)
    return random.choice(plain.get(model.type_name) or [*(getattr(model, "enum", None) or ()), *_TEXTS])


_INSIDE: Final = (
    "drop",
    "drop",
    "kind",
    "kind",
    "kind",
    "extra",
    "empty list",
    "twice",
    "date",
    "same token",
)
_OUTSIDE: Final = ("cut", "bytes", "html", "not an object", "deep", "nothing")


def spoil(whole: Any, random: Random) -> Spoiled:
    """One change to an answer, at a place by chance."""
    how = random.choice((*_INSIDE, *_OUTSIDE))
    text = json.dumps(whole)
    if how in _INSIDE:
        tree = json.loads(text)
        broken = _change(tree, how, random)
        return Spoiled(json.dumps(tree).encode(), how, broken=broken)
    at = random.randrange(1, max(2, len(text)))
    bodies = {
        "cut": text[:at].encode(),
        "bytes": text[:at].encode() + b"\xff\x00" + text[at:].encode(),
        "html": b"<html><body>Sign in to the network</body></html>",
        "not an object": random.choice((b"[]", b"5", b'"ok"', b"null", b"true")),
        "deep": b'{"Users":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "nothing": b"",
    }
    return Spoiled(bodies[how], how, broken=how != "nothing")


def _change(tree: Any, how: str, random: Random) -> bool:
    """Change the tree in its place. Says whether a member is of another kind than before."""
    places = list(_places(tree))
    lists = [place for place in places if isinstance(place[0][place[1]], list)]
    dates = [place for place in places if "Date" in str(place[1])]
    fitting = {"empty list": lists, "twice": lists, "date": dates}.get(how, places)
    if how in {"extra", "same token"} or not fitting:
        tree |= {"PaginationToken": "again"} if how == "same token" else {"Extra": {"of": [1, 2]}}
        return False
    holder, key = random.choice(fitting)
    before = holder[key]
    if how == "drop":
        del holder[key]
        return False
    news = {"empty list": ([],), "twice": (before * 2 if fitting is lists else [],), "date": _DATES}
    holder[key] = after = random.choice(news.get(how, _OTHERS))
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    return after is not None and not numbers and not isinstance(after, type(before))


def _places(tree: Any) -> Any:
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def body_of(operation: Operation, answer: Any) -> bytes:
    """The bytes of an answer in the operation's protocol."""
    model: Any = operation.model
    if model.service_model.resolved_protocol == "json":
        return json.dumps(answer).encode()
    inner = _xml(answer, operation.output)
    wrapper = operation.output.serialization.get("resultWrapper") if operation.output else None
    inner = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else inner
    return f"<{operation.name}Response>{inner}</{operation.name}Response>".encode(errors="replace")


def _xml(value: Any, shape: Any) -> str:
    if isinstance(value, dict) and shape is not None and shape.type_name == "structure":
        return "".join(
            f"<{name}>{_xml(each, shape.members.get(name))}</{name}>" for name, each in value.items()
        )
    if isinstance(value, dict):
        entries = (f"<entry><key>{key}</key><value>{each}</value></entry>" for key, each in value.items())
        return "".join(entries)
    if isinstance(value, list):
        member = getattr(shape, "member", None)
        return "".join(f"<member>{_xml(each, member)}</member>" for each in value)
    printable = "".join(letter for letter in str(value) if letter.isprintable())
    return escape(str(value).lower() if isinstance(value, bool) else printable)
