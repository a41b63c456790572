# ruff: noqa: RUF001 - full-width signs are what is tested
import unicodedata

import pytest

from migrate_mfa.adapters.roster_aliases import ALIASES, Kind, Line, Meaning, fold, meaning_of, names_of

ALL = [(meaning, name) for meaning, names in ALIASES.items() for name in names_of(names)]
ATTRIBUTES = {"c", "co"}


def camel(name: str) -> str:
    first, *others = name.split()
    return first.lower() + "".join(word.capitalize() for word in others)


def spellings(name: str) -> set[str]:
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in name)
    return {
        name,
        name.upper(),
        name.title(),
        name.replace(" ", "_"),
        name.replace(" ", "-"),
        name.replace(" ", ""),
        camel(name),
        f"\ufeff {name}\u3000",
        f"{name} *",
        f"{name}:",
        f"{name} [Required]",
        f"{name}（任意）",
        f'"{name}"',
        f"profile.{name}",
        wide,
        unicodedata.normalize("NFD", name),
    }


@pytest.mark.parametrize(("meaning", "name"), [each for each in ALL if each[1] not in ATTRIBUTES])
def test_a_column_is_known_by_each_of_its_names_in_every_spelling(meaning: Meaning, name: str) -> None:
    for spelling in spellings(name):
        assert meaning_of(spelling) == meaning, spelling


def test_no_name_stands_twice_in_the_table() -> None:
    folded = [fold(name) for _, name in ALL]

    assert len(folded) == len(set(folded))
    assert all(folded)


def test_the_table_has_every_kind_that_a_name_can_tell() -> None:
    assert {meaning.kind for meaning in ALIASES} == set(Kind) - {Kind.EITHER}
    assert {meaning.line for meaning in ALIASES if meaning.kind is Kind.PHONE} == set(Line)


MOBILE, ANY = Meaning(Kind.PHONE, Line.MOBILE), Meaning(Kind.PHONE, Line.ANY)
FIXED, FOREIGN = Meaning(Kind.PHONE, Line.FIXED), Meaning(Kind.PHONE, Line.FOREIGN)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("Phone (mobile)", MOBILE),
        ("Phone [cell]", MOBILE),
        ("電話番号（携帯）", MOBILE),
        ("携帯番号（本人）", MOBILE),
        ("Mobile (work)", MOBILE),
        ("Mobile phone [mobile]", MOBILE),
        ("Phone (office)", FIXED),
        ("電話番号（自宅）", FIXED),
        ("TEL【会社】", FIXED),
        ("Telefon (privat)", FIXED),
        ("Office phone [telephoneNumber]", FIXED),
        ("Business Phone 2", FIXED),
        ("Phone (FAX)", FOREIGN),
        ("携帯（緊急連絡先）", FOREIGN),
        ("Mobile (old)", FOREIGN),
        ("Recovery Phone [MUST BE IN THE E.164 FORMAT]", ANY),
        ("Phone 2", ANY),
        ("電話番号1", ANY),
        ("Attributes.phone_number", ANY),
        ("Phone (country code)", Meaning(Kind.DIAL_CODE)),
        ("Country or region [country]", Meaning(Kind.COUNTRY, rank=1)),
        ("E-mail [work]", Meaning(Kind.EMAIL)),
        ("email 1", Meaning(Kind.EMAIL)),
        ("User name [userPrincipalName] Required", Meaning(Kind.USERNAME)),
        ("Nom d’utilisateur", Meaning(Kind.USERNAME)),
        ("Adresse électronique", Meaning(Kind.EMAIL)),
        ("adresse electronique", Meaning(Kind.EMAIL)),
    ],
)
def test_a_note_in_brackets_counts_where_it_says_which_telephone(name: str, meaning: Meaning) -> None:
    assert meaning_of(name) == meaning


@pytest.mark.parametrize(
    "name",
    [
        *("user_id", "id", "objectId", "name", "Display Name", "cn", "nickname", "mailNickname", "会員ID"),
        *("preferred_username", "user1", "FederationIdentifier", "Record ID"),
        *(
            "Recovery Email",
            "Work Secondary Email",
            "secondEmail",
            "otherMails",
            "Additional email addresses",
        ),
        *("Email (recovery)", "Email (secondary)", "email_verified", "Email opt-in", "proxyAddresses"),
        *(
            "Office Number",
            "Phone (verified)",
            "Phone (type)",
            "Phone Type",
            "Vorwahl",
        ),
        *(
            "verified",
            "phone_number_used",
            "Nationality",
            "国籍",
            "Bundesland",
            "郵便番号",
            "",
        ),
    ],
)
def test_what_may_mean_something_else_is_not_known(name: str) -> None:
    assert meaning_of(name) is None
