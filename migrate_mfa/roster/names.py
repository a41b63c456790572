"""The names in a roster's header: found by the names in options, and shown without personal data."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.formatting import nearest
from migrate_mfa.domain.privacy import column_name
from migrate_mfa.roster.aliases import Meaning, meaning_of, name_key
from migrate_mfa.roster.text import shown

_MOST_LISTED: Final = 40
_DATA: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+|\+[0-9][0-9 ().-]{7,}")
_PLACE: Final = re.compile(r"column\s+([1-9][0-9]{0,5})", re.IGNORECASE)


class Names:
    """The columns of one roster, by position from 0."""

    def __init__(self, written: tuple[str, ...], source: str) -> None:
        """`names` are the header's names as written; `source` is the file, for messages."""
        self.written = written
        self.source = shown(source)
        self.meanings: list[Meaning | None] = list(map(meaning_of, written))
        self._often = {name for name, times in Counter(written).items() if times > 1}

    def label(self, at: int) -> str:
        """A column for messages; with its position if other columns have the same name."""
        name = self.written[at]
        label = column_name(name, at + 1)
        return f'column {at + 1} ("{label}")' if name in self._often and _is_itself(label, name) else label

    def quoted(self, at: int) -> str:
        """The same, within a sentence."""
        label = self.label(at)
        return f'"{label}"' if _is_itself(label, self.written[at]) else label

    def several(self, places: Iterable[int], word: str = "and") -> str:
        """Some columns, in a sentence."""
        *others, last = map(self.quoted, places)
        return f"{', '.join(others)} {word} {last}" if others else last

    def listed(self) -> str:
        """All columns, one per line."""
        lines = [
            f"  {at + 1:>2}  {column_name(name, at + 1)}"
            for at, name in enumerate(self.written[:_MOST_LISTED])
        ]
        more = len(self.written) - _MOST_LISTED
        return "\n".join(lines + ([f"      and {more:,} more"] if more > 0 else []))

    def find(self, wanted: str, option: str) -> int:
        """The column that an option names: exactly, in another spelling, or as `column 3`.

        Raises:
            InputUnusable: there is none, or several.
        """
        found = [at for at, name in enumerate(self.written) if name == wanted]
        if not found and (folded := name_key(wanted)):
            found = [at for at, name in enumerate(self.written) if name_key(name) == folded]
        if not found and (place := _PLACE.fullmatch(wanted)) and int(place[1]) <= len(self.written):
            found = [int(place[1]) - 1]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputUnusable(
                f'{self.source} has {len(found)} columns named "{wanted}", which {option} asks for.',
                f'Name the right one by its place, such as {option} "column {found[0] + 1}": '
                f"{self.several(found, 'or')}.",
            )
        raise InputUnusable(
            f'{self.source} has no column named "{wanted}", which {option} asks for.{self._nearest(wanted)}',
            f"Its columns are:\n{self.listed()}",
        )

    def _nearest(self, wanted: str) -> str:
        places = {name_key(name): at for at, name in enumerate(self.written[:_MOST_LISTED])}
        near = nearest(name_key(wanted), places)
        return f" The nearest is {self.quoted(places[near])}." if near else ""


def _is_itself(label: str, name: str) -> bool:
    return label == " ".join(name.split()) != ""


def is_data(name: str) -> bool:
    """Whether a name is an address or a number: then the file has no header, and this is a user."""
    return bool(_DATA.fullmatch(name))
