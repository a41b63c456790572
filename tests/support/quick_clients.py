"""botocore without what it does again for every client: clients are made by the thousand here.

No command line changes AWS's models, nor what botocore calls its events and what its handlers take.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.session

if TYPE_CHECKING:
    from collections.abc import Callable


def make_clients_quickly(replace: Callable[[Any, str, Any], object]) -> None:
    """Do once a process what is the same for all clients, and copy of a session only what a client changes.

    Args:
        replace: sets an attribute of a module or class, as `setattr` does.
    """
    replace(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
    aliaser: Any = botocore.hooks.EventAliaser
    replace(aliaser, "_alias_event_name", _once_a_name(aliaser._alias_event_name))
    replace(botocore.hooks, "accepts_kwargs", _once_a_function(botocore.hooks.accepts_kwargs))
    creator: Any = botocore.client.ClientCreator
    replace(creator, "_create_client_class", _once_a_model(creator._create_client_class))
    hooks: Any = botocore.hooks
    trie = hooks._PrefixTrie
    replace(trie, "__copy__", _shared)
    replace(trie, "append_item", _on_own_path(trie.append_item))
    replace(trie, "remove_item", _on_own_path(trie.remove_item))


def _once_a_name(alias: Callable[[Any, str], str]) -> Callable[[Any, str], str]:
    """All aliasers go by the same table."""
    known: dict[str, str] = {}

    def known_alias(aliaser: object, name: str) -> str:
        if name not in known:
            known[name] = alias(aliaser, name)
        return known[name]

    return known_alias


def _once_a_function(look: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A method by its function; and what a client has made for itself is forgotten with it."""
    known: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def known_look(handler: Any) -> Any:
        function = getattr(handler, "__func__", handler)
        if function not in known:
            known[function] = look(function)
        return known[function]

    return known_look


def _once_a_model(create: Callable[..., type]) -> Callable[..., type]:
    """The class of a client by the document of its model, which is kept so that no other gets its number."""
    known: dict[tuple[str, int], tuple[type, object]] = {}

    def known_class(creator: object, service: str, model: Any) -> type:
        document = model._service_description
        if (service, id(document)) not in known:
            known[service, id(document)] = create(creator, service, model), document
        return known[service, id(document)][0]

    return known_class


def _shared(trie: Any) -> Any:
    """A copy of a trie of handlers with the same nodes: each of the two copies those that it changes."""
    copied = type(trie)()
    copied._root = trie._root
    trie._owner, copied._owner = object(), object()
    return copied


def _on_own_path(change: Callable[..., None]) -> Callable[..., None]:
    """Change a trie when all nodes on the way to a key are its own."""

    def changed(trie: Any, key: str, *more: Any, **named: Any) -> None:
        owner = vars(trie).setdefault("_owner", None)
        node = trie._root = _own(trie._root, owner)
        for part in key.split("."):
            if part not in node["children"]:
                break
            node["children"][part] = node = _own(node["children"][part], owner)
        change(trie, key, *more, **named)

    return changed


def _own(node: dict[str, Any], owner: object) -> dict[str, Any]:
    if node.get("owner") is owner:
        return node
    return {
        **node,
        "children": dict(node["children"]),
        "values": copy.copy(node["values"]),
        "owner": owner,
    }
