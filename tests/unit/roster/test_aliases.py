# ruff: noqa: RUF001 - full-width signs are what is tested
import re
import unicodedata

import pytest

from migrate_mfa.roster.aliases import ALIASES, Kind, Line, Meaning, meaning_of, name_key, names_of

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


def test_a_column_is_known_by_each_of_its_names_in_every_spelling() -> None:
    known = [each for each in ALL if each[1] not in ATTRIBUTES]

    assert len(known) > 700
    for meaning, name in known:
        for spelling in spellings(name):
            assert meaning_of(spelling) == meaning, spelling


def test_no_name_stands_twice_in_the_table() -> None:
    folded = [name_key(name) for _, name in ALL]

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


SOMEBODY_ELSES = {
    FOREIGN: """Mobile (emergency contact)|Handy (Notfallkontakt)|Téléphone portable (contact d'urgence)
        Móvil (contacto de emergencia)|Phone (fax number)|Mobile (manager)|携帯番号（緊急連絡先）""",
    FIXED: """Mobile (wife)|Mobile (mother)|Mobile (manager's)|Mobile (do not use)|Mobile (inactive)
        Mobile (deprecated)|Mobile (other)|Mobile (secondary)|Mobile [otherMobile]|Handy (Mutter)
        Handy (Notfallkontakt / Mutter)|Portable (conjoint)|Móvil (padre)|携帯番号（母）|携帯電話（ご家族）
        携帯電話番号（保護者用）|携帯番号（解約済）|携帯電話（使用不可）|Phone (home phone)
        Phone (Office Phone)|Phone (next of kin)|Phone (emergency only)|Tel (direct line)|電話番号（旧番号）
        電話番号（会社・代表）|Mobile (not the user's own)|Mobile [Required] (wife)|Mobile [landline number]
        Phone (mobile or fax)|Mobile (2019)|Mobile (as of 2019)|Mobile (without SMS)|Handy (ohne SMS)
        Mobile (ex)|Mobile (contact)|Mobile 2 (old one)|携帯番号（必須）（母）""",
}


@pytest.mark.parametrize(
    ("name", "meaning"),
    [(name.strip(), each) for each, names in SOMEBODY_ELSES.items() for name in re.split(r"[|\n]", names)],
)
def test_a_note_that_is_not_known_to_be_harmless_makes_a_column_one_to_be_named(
    name: str, meaning: Meaning
) -> None:
    assert meaning_of(name) == meaning


HARMLESS = """
    Required|required, SMS|optional|mandatory|E.164|e164 format|MUST BE IN THE E.164 FORMAT|in E.164 format
    with country code|incl. country code|including the country code|with international prefix|+81...
    +81 90 xxxx xxxx|+49XXXXXXXXXX|e.g. +819012345678|090-1234-5678|for SMS|SMS only|number|mobile number
    your own|personal|user|primary|2|digits only, without spaces|international format|phone number
    no spaces or hyphens|ohne Leerzeichen|Pflichtfeld|Pflichtangabe|erforderlich|mit Ländervorwahl|mit Vorwahl
    z. B. +49 151 23456789|für SMS|obligatoire|facultatif|avec l'indicatif|avec l'indicatif du pays
    format international|personnel|obligatorio|opcional|con prefijo|con código de país|formato internacional
    本人|ご本人|必須|任意|半角数字・ハイフンなし|ハイフンなし|国番号付き|例：+819012345678|SMS用|SMS受信用|E.164形式"""


@pytest.mark.parametrize("note", [note.strip() for note in re.split(r"[|\n]", HARMLESS) if note.strip()])
def test_a_note_on_how_to_fill_a_column_in_changes_nothing(note: str) -> None:
    assert meaning_of(f"Mobile Phone ({note})") == MOBILE
    assert meaning_of(f"携帯番号【{note}】") == MOBILE
    assert meaning_of(f"Fax [{note}]") == FOREIGN
    found = meaning_of(f"Recovery Phone [{note}]")
    assert found == (MOBILE if note == "mobile number" else ANY)


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
            "Emergency mobile",
            "Mobile - emergency contact",
            "Mutter Handy",
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


def test_a_note_that_makes_a_phone_a_calling_code_is_believed_only_by_its_cells() -> None:
    meaning = meaning_of("Mobile (country code)")

    assert meaning is not None
    assert (meaning.kind, meaning.unsure) == (Kind.DIAL_CODE, True)
