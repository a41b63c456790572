# ruff: noqa: RUF001 - columns are named in Japanese, full-width signs included
"""The names of the columns that are read, in many programs and languages, and how headers are compared.

The names are those of exports of Cognito, Microsoft 365 and Entra ID, Google Workspace, Okta, Auth0,
Salesforce, HubSpot and LDAP directories, in English, German, French, Spanish and Japanese, and the usual ones
in Portuguese, Italian, Chinese and Korean. Ambiguous names are left out: a wrong column does more harm than a
refusal.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from migrate_mfa.domain.characters import fold
from migrate_mfa.domain.spreadsheet import trim
from migrate_mfa.roster.notes import changes_nothing


class Kind(StrEnum):
    """The content of a column that is read; the values are fields of `Columns` and words of messages."""

    SUB = "sub"
    USER_SUB = "user_sub"
    """The sub in the tool's own reports."""
    USERNAME = "username"
    EMAIL = "email"
    EITHER = "either"
    """Chosen by `--id-column`: an e-mail address if it has an @, otherwise a username."""
    PHONE = "phone"
    VERIFIED = "phone_number_verified"
    COUNTRY = "country"
    """The country of the row's number: an ISO code or a name; it overrides `--phone-country`."""
    DIAL_CODE = "dial_code"
    """The same as a calling code, such as +81 or 81."""
    SURPLUS = "surplus_cells"
    """In the tool's own reports, the cells of a row beyond the header's columns."""


IDENTITIES: Final = (Kind.SUB, Kind.USER_SUB, Kind.USERNAME, Kind.EMAIL)


class Line(StrEnum):
    """Which telephone of the user a phone column has, by its name."""

    MOBILE = "mobile"
    ANY = "phone"
    """The name only says telephone."""
    FIXED = "office, home or other"
    """Also a column with an unknown note. It is used only if `--phone-column` names it."""
    FOREIGN = "fax, pager or somebody else's"
    """Not the user's own number, or one without SMS."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """The content of a column, by its name."""

    kind: Kind
    line: Line | None = None
    """For a phone column."""
    rank: int = 0
    """For a country column: if several are filled, the one with the lowest rank is read."""
    unsure: bool = False
    """The name is ambiguous: it is a country column only if its cells are countries."""
    far: bool = False
    """The country of an address, which counts only for numbers without a country code."""


ALIASES: Final[dict[Meaning, str]] = {
    Meaning(Kind.SUB): "sub, cognito:sub",
    Meaning(Kind.USER_SUB): "user_sub",
    Meaning(Kind.SURPLUS): "surplus_cells",
    Meaning(Kind.USERNAME): """
        username, user, user login, user logon, user logon name, login, login id, login name, logon,
        logon name, sign-in name, account name, cognito:username, user principal name, upn, sAMAccountName,
        uid, Benutzername, Benutzerkennung, Benutzeranmeldename, Benutzerprinzipalname, Anmeldename,
        Nutzername, nom d'utilisateur, nom utilisateur, identifiant, identifiant de connexion,
        nom de connexion, nom principal de l'utilisateur, usuario, nombre de usuario, nombre usuario,
        nombre de inicio de sesión, nombre principal de usuario, ユーザー名, ユーザ名, ユーザネーム,
        ユーザーネーム, ログインID, ログイン名, ログインユーザー名, ユーザーID, ユーザID, アカウント名,
        サインイン名, ユーザープリンシパル名,
        nome de usuário, utilizador, nome de utilizador, nome utente, utente, 用户名, 用户名称, 登录名, 账号,
        使用者名稱, 帳號, 사용자 이름, 사용자명, 사용자 ID, 아이디, 로그인 ID""",
    Meaning(Kind.EMAIL): """
        email, mail, email address, mail address, primary email, primary email address, user email,
        user email address, login email, E-Mail-Adresse, Mailadresse, primäre E-Mail-Adresse,
        adresse e-mail, adresse mail, adresse électronique, adresse de messagerie, adresse de courriel,
        courriel, courrier électronique, mél, correo, correo electrónico, dirección de correo,
        dirección de e-mail, dirección e-mail, dirección de correo electrónico, メール, メールアドレス,
        Eメール, Eメールアドレス, 電子メール, 電子メールアドレス, mailアドレス, e-mailアドレス, メアド,
        endereço de e-mail, correio eletrônico, indirizzo e-mail, posta elettronica, 邮箱, 电子邮箱,
        电子邮件, 电子邮件地址, 邮件地址, 電子郵件, 電子郵件地址, 電子信箱, 이메일, 이메일 주소,
        전자 메일, 전자 우편""",
    Meaning(Kind.PHONE, Line.MOBILE): """
        mobile, mobile phone, mobile number, mobile no, mobile phone number, mobile phone no,
        mobile telephone, mobile telephone number, mobile tel, mobile contact number, personal mobile,
        personal mobile number, mobile personal, work mobile, work mobile phone, business mobile,
        business mobile phone, company mobile, user mobile, user mobile phone, phone mobile,
        telephone mobile, mobile 1, cell, cell phone, cell number, cell no, cell phone number,
        cell phone no, cellular, cellular phone, cellular number, cellular phone number, phone cell, msisdn,
        gsm, gsm number, smartphone, sms number, sms phone, sms phone number, sms mobile,
        mobile number for sms, Handy, Handynummer, Handy-Nr, Handyrufnummer, Mobil, Mobilnummer, Mobil-Nr,
        Mobilfunk, Mobilfunknummer, Mobilrufnummer, Mobiltelefon, Mobiltelefonnummer, Mobiltelefon-Nr,
        mobile Rufnummer, mobile Telefonnummer, Telefon mobil, Tel. mobil, Telefonnummer mobil, Diensthandy,
        Firmenhandy, Natel, portable, téléphone portable, tél. portable, tél. mobile, numéro de portable,
        numéro portable, numéro de mobile, numéro mobile, numéro de téléphone portable,
        numéro de téléphone mobile, n° de portable, n° portable, n° de mobile, n° mobile,
        n° de téléphone portable, n° de téléphone mobile, cellulaire, téléphone cellulaire,
        numéro de cellulaire, móvil, teléfono móvil, tel. móvil, número de móvil, número móvil,
        número de teléfono móvil, nº de móvil, nº móvil, celular, teléfono celular, tel. celular,
        número de celular, número celular, número de teléfono celular, nº de celular, 携帯, 携帯電話,
        携帯番号, 携帯電話番号, 携帯電話の番号, 携帯TEL, 携帯No, 電話番号携帯, 電話携帯, TEL携帯, ケータイ,
        ケータイ番号, モバイル, モバイル番号, モバイル電話, スマホ, スマホ番号, スマートフォン, SMS番号,
        SMS電話番号, SMS送信先, SMS送信先電話番号, SMS用電話番号, 個人携帯, 個人携帯番号, 会社携帯,
        会社携帯番号, 社用携帯, 社用携帯番号,
        mob, mob no, mob nr, mob number, telemóvel, número de telemóvel, telefone celular, telefone móvel,
        número do celular, cellulare, numero di cellulare, telefono cellulare, telefonino, 手机, 手机号,
        手机号码, 移动电话, 手機, 手機號碼, 行動電話, 行動電話號碼, 휴대전화, 휴대전화 번호, 휴대폰,
        휴대폰 번호, 핸드폰, 핸드폰 번호""",
    Meaning(Kind.PHONE, Line.ANY): """
        phone, phone number, phone no, phone nr, phone num, telephone, telephone number, telephone no, tel,
        tel no, tel number, tel nr, contact phone, contact phone number, contact number, contact no,
        contact telephone, primary phone, primary phone number, main phone, main phone number, user phone,
        user phone number, recovery phone, recovery phone number, authentication phone,
        authentication phone number, strong authentication phone, strong authentication phone number,
        MFA phone, MFA phone number, whatsapp, whatsapp number, whatsapp phone number, phone e164,
        phone number e164, Telefon, Telefonnummer, Telefon-Nr, Tel.-Nummer, Rufnummer, Rufnr,
        numéro de téléphone, numéro téléphone, numéro de tél, n° de téléphone, n° téléphone, n° tél,
        n° de tél, teléfono, número de teléfono, número teléfono, número telefónico, nº de teléfono,
        nº teléfono, núm. de teléfono, telf, tlf, tfno, 電話番号, 電話, お電話番号, TEL番号, 連絡先電話番号,
        連絡先TEL, 登録電話番号, 認証用電話番号,
        telefone, número de telefone, numero di telefono, 电话, 电话号码, 联系电话, 電話號碼, 聯絡電話,
        전화, 전화번호, 연락처""",
    Meaning(Kind.PHONE, Line.FIXED): """
        office phone, office phone number, office telephone, office tel, business phone, business phones,
        business phone number, business telephone, business telephone number, work phone, work phone number,
        work telephone, work tel, work number, company phone, company phone number, company main phone,
        desk phone, direct phone, direct line, direct dial, landline, landline number, landline phone,
        fixed line, fixed phone, home phone, home phone number, home telephone, home telephone number,
        home tel, residential phone, residence phone, daytime phone, evening phone, phone work,
        phone office, phone business, phone home, phone other, other phone, other phone number,
        other telephone, other telephone number, other home phone, other mobile, other mobile phone,
        alternate phone, alternate phone number, alternate mobile, alternative phone,
        alternative phone number, secondary phone, secondary phone number, secondary mobile, second phone,
        phone alternate, phone alternative, phone secondary, authentication alternative phone number,
        alternate authentication phone, alternative authentication phone, Festnetz, Festnetznummer,
        Festnetztelefon, Telefon Festnetz, Telefon geschäftlich, Tel. geschäftlich, Telefon dienstlich,
        Telefon privat, Tel. privat, Telefon Büro, Telefon Arbeit, Telefon Firma, Bürotelefon,
        Geschäftstelefon, Diensttelefon, Firmentelefon, Privattelefon, Telefon Zentrale,
        weitere Telefonnummer, Rufnummer geschäftlich, Rufnummer privat, téléphone fixe, tél. fixe, fixe,
        numéro fixe, numéro de fixe, téléphone professionnel, tél. professionnel, téléphone bureau,
        téléphone du bureau, tél. bureau, téléphone travail, téléphone domicile, téléphone du domicile,
        tél. domicile, téléphone personnel, téléphone privé, autre téléphone, teléfono fijo, tel. fijo,
        fijo, teléfono trabajo, teléfono del trabajo, teléfono de trabajo, teléfono oficina,
        teléfono de la oficina, teléfono de oficina, teléfono particular, teléfono casa, teléfono de casa,
        teléfono del domicilio, otro teléfono, 会社電話, 会社電話番号, 会社の電話番号, 会社TEL, 勤務先電話,
        勤務先電話番号, 勤務先TEL, 職場電話, 職場電話番号, 職場TEL, オフィス電話, オフィスの電話, 自宅電話,
        自宅電話番号, 自宅の電話番号, 自宅TEL, 固定電話, 固定電話番号, 代表電話, 代表電話番号, 代表TEL,
        直通電話, 直通電話番号, 直通番号, その他電話, その他電話番号, その他の電話番号, その他の電話,
        telefone fixo, telefone comercial, telefone residencial, telefone do trabalho, telefono fisso,
        telefono ufficio, 固话, 座机, 办公电话, 家庭电话, 公司電話, 市話, 住家電話, 집 전화, 집전화번호,
        회사 전화, 회사 전화번호, 유선전화""",
    Meaning(Kind.PHONE, Line.FOREIGN): """
        fax, fax number, fax no, fax nr, fax phone, office fax, business fax, work fax, company fax,
        home fax, other fax, facsimile, facsimile number, facsimile telephone number, telefax, pager,
        pager number, pager phone, ip phone, other ip phone, other pager, other fax number,
        other facsimile telephone number, assistant phone, assistant's phone, assistant phone number,
        assistant telephone, manager phone, manager's phone, emergency phone, emergency phone number,
        emergency contact, emergency contact phone, emergency contact phone number,
        emergency contact number, parent phone, guardian phone, spouse phone, car phone, radio phone,
        callback, callback phone, telex, isdn, tty tdd phone, Faxnummer, Telefaxnummer, Notfallnummer,
        Notfallkontakt, télécopie, télécopieur, numéro de fax, n° de fax, contact d'urgence,
        contacto de emergencia, ファックス, ファックス番号, ファクス, ファクス番号, ファクシミリ, FAX番号,
        ポケベル, 内線, 内線番号, 緊急連絡先, 緊急連絡先電話番号, 緊急連絡先TEL, 緊急電話番号,
        保護者電話番号, 保護者携帯, 保護者携帯番号, 传真, 傳真, 팩스, 紧急联系人""",
    Meaning(Kind.VERIFIED): """
        phone_number_verified, phone verified, is phone verified, is phone number verified, mobile verified,
        mobile phone verified, mobile number verified""",
    Meaning(Kind.COUNTRY, rank=0): """
        phone country, phone number country, phone country iso, telephone country, tel country,
        mobile country, mobile phone country, mobile number country, custom:phone country, 電話番号の国,
        電話の国, 携帯電話の国""",
    Meaning(Kind.COUNTRY, rank=1): """
        country, country/region, country or region, country name, Land, Land/Region, Land oder Region, pays,
        pays/région, pays ou région, país, país/región, país o región, 国, 国名, 国/地域, 国または地域,
        país/região, paese, nazione, 国家, 国家/地区, 國家, 국가, 국가/지역""",
    Meaning(Kind.COUNTRY, rank=2): "c",
    Meaning(Kind.COUNTRY, rank=3): "co",
    Meaning(Kind.COUNTRY, rank=4): """
        country code, country iso, country iso code, country code iso, iso country, iso country code,
        country iso2, country code iso2, Ländercode, Laendercode, Länderkürzel, Länderkennung, code pays,
        code du pays, código de país, código del país, código país, custom:country code,
        国コード""",
    Meaning(Kind.COUNTRY, rank=5): "user country, customer country, contact country, custom:country",
    Meaning(Kind.COUNTRY, rank=6, unsure=True): "Staat, nation, country phone",
    Meaning(Kind.COUNTRY, rank=7, unsure=True): "ISO, ISO code, CC",
    Meaning(Kind.COUNTRY, rank=8): "usage location, 利用場所",
    Meaning(Kind.COUNTRY, rank=9, far=True): """
        country of residence, residence country, country residence, residential country, Wohnsitzland,
        Wohnland, Land des Wohnsitzes, pays de résidence, país de residencia, 居住国, 在住国, お住まいの国""",
    Meaning(Kind.COUNTRY, rank=10, far=True): """
        address country, address country/region, address 1 country, address 1 country/region,
        mailing country, mailing country/region, mailing address country, person mailing country,
        home country, home country/region, home address country, postal country, primary address country,
        住所の国""",
    Meaning(Kind.COUNTRY, rank=11, far=True): """
        address country code, mailing country code, person mailing country code, home country code,
        home address country code, postal country code""",
    Meaning(Kind.COUNTRY, rank=12, far=True): """
        work country, business country, business country/region, work address country,
        business address country, office country, company country""",
    Meaning(Kind.COUNTRY, rank=13, far=True): """
        work country code, business country code, office country code, company country code""",
    Meaning(Kind.COUNTRY, rank=14, far=True): "billing country, billing address country",
    Meaning(Kind.COUNTRY, rank=15, far=True): "billing country code, billing address country code",
    Meaning(Kind.COUNTRY, rank=16, far=True): "shipping country, shipping address country",
    Meaning(Kind.COUNTRY, rank=17, far=True): "shipping country code, shipping address country code",
    Meaning(Kind.COUNTRY, rank=18, far=True): "other country, other country/region, other address country",
    Meaning(Kind.COUNTRY, rank=19, far=True): "other country code, other address country code",
    Meaning(Kind.DIAL_CODE): """
        dial code, dialing code, dialling code, calling code, country calling code, country dial code,
        country dialing code, country dialling code, phone country code, telephone country code,
        international dialing code, international dialling code, isd code, Ländervorwahl, Laendervorwahl,
        Landesvorwahl, internationale Vorwahl, indicatif, indicatif pays, indicatif du pays,
        indicatif téléphonique, indicatif international, prefijo internacional, prefijo país,
        prefijo de país, prefijo del país, código de marcación, 国番号, 電話国番号, 電話番号の国番号,
        Landeskennzahl, Länderkennzahl, phone dial code, phone dialing code, 電話国コード,
        電話番号の国コード""",
    Meaning(Kind.DIAL_CODE, rank=1, unsure=True): """
        phone code, telephone code, phone prefix, telephone prefix, mobile prefix, prefix, Telefonvorwahl,
        indicatif tél, préfixe, préfixe téléphonique, prefijo, prefijo telefónico, mobile country code""",
}
"""The names of each kind of column, the usual one first."""

_NOTES: Final[dict[Line, str]] = {
    Line.MOBILE: """
        mobile cell cellular smartphone sms handy mobil portable móvil celular 携帯 携帯電話 スマホ""",
    Line.FIXED: """
        office work business company home landline fixed private direct secondary alternate alternative
        other geschäftlich dienstlich privat büro arbeit firma festnetz fixe bureau travail professionnel
        domicile privé fijo oficina trabajo casa particular 会社 勤務先 職場 オフィス 自宅 固定 固定電話
        代表 直通 その他""",
    Line.FOREIGN: """
        fax pager voip extension ext assistant manager emergency parent guardian spouse family old former
        previous invalid notfall urgence emergencia 内線 緊急 緊急連絡先 保護者 家族 配偶者 旧 変更前
        ファックス""",
}
_OTHER_THINGS: Final = """
    verified verification status type label kind country code prefix id count date consent opt-in optin owner
    recovery backup secondary alternate alternative other hash"""
"""Notes with which a column does not have what its name says, or not for this user."""
_WHOSE_MOBILE: Final = """
    office work business company private geschäftlich dienstlich privat büro arbeit firma bureau travail
    professionnel privé pro perso oficina trabajo particular 会社 勤務先 職場 オフィス"""
"""Notes that make a telephone one of the office or home; a mobile phone stays a mobile phone."""
_FROM_BEST: Final = (Line.ANY, Line.MOBILE, Line.FIXED, Line.FOREIGN)
"""If a name and its note differ, the later one in this order counts."""


@lru_cache(maxsize=1024)
def name_key(name: str) -> str:
    """A name in the form for comparison: without case, width, accents, blanks and signs between words."""
    return "".join(filter(str.isalnum, fold(trim(name))))


def names_of(aliases: str) -> tuple[str, ...]:
    """The names in the table for one meaning, one by one."""
    return tuple(name for part in aliases.split(",") if (name := " ".join(part.split())))


_KNOWN: Final = {name_key(name): meaning for meaning, names in ALIASES.items() for name in names_of(names)}
_LINE_NOTES: Final = {name_key(note): line for line, notes in _NOTES.items() for note in notes.split()}
_ATTRIBUTES: Final = (2, 3)
"""The ranks of the LDAP attributes c and co; in another spelling (`Co.`) they are not countries."""
_UNKNOWN_AFTER: Final = frozenset(map(name_key, _OTHER_THINGS.split()))
_OF_MOBILES: Final = frozenset(map(name_key, _WHOSE_MOBILE.split()))
_NOTE: Final = re.compile(r"[(\[{<【〔「『〈《]([^)\]}>】〕」』〉》]*)[)\]}>】〕」』〉》]")
_MARKS: Final = re.compile(
    r"[\s*:※-]*(?:required|optional|erforderlich|obligatoire|requis|obligatorio|必須|任意)?\s*$",
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(r"(.*[^0-9])[1-9]")
_HOLDERS: Final = re.compile(r"(?:user|profile|attributes|contact)[.:](?=.)", re.IGNORECASE)


@lru_cache(maxsize=1024)
def meaning_of(name: str) -> Meaning | None:
    """The content of a column by its name in the header; None if the name is not known."""
    text = _HOLDERS.sub("", unicodedata.normalize("NFKC", trim(name)), count=1)
    notes: list[str] = _NOTE.findall(text)
    whole = _KNOWN.get(name_key(text)) or _KNOWN.get(name_key(_MARKS.sub("", text)))
    if whole and whole.rank in _ATTRIBUTES and text not in {"c", "co"}:
        return None
    if whole and not (notes and whole.kind is Kind.VERIFIED):
        return whole
    base = name_key(_MARKS.sub("", _NOTE.sub(" ", text)))
    meaning = _KNOWN.get(base) or _one_of_several(base)
    for note in notes:
        meaning = meaning and _noted(meaning, note)
    return meaning


def _one_of_several(base: str) -> Meaning | None:
    """`phone 2`, `email1`: one of several columns of a kind. Not for users: `user1` may be a user."""
    counted = _COUNTED.fullmatch(base)
    meaning = _KNOWN.get(counted[1]) if counted else None
    return meaning if meaning and meaning.kind in {Kind.PHONE, Kind.EMAIL} else None


def _noted(meaning: Meaning, note: str) -> Meaning | None:
    """The content of a column whose name has a note; the note can only restrict the name's meaning."""
    folded = name_key(note)
    known = _KNOWN.get(folded)
    line = _LINE_NOTES.get(folded) or (known and known.line)
    if meaning.line is None:
        alike = known is not None and known.kind is meaning.kind
        return None if not alike and (folded in _UNKNOWN_AFTER or line is Line.FOREIGN) else meaning
    if line is None and changes_nothing(note):
        return meaning
    if line is None and (known or folded in _UNKNOWN_AFTER):
        return None
    if meaning.line is Line.MOBILE and folded in _OF_MOBILES:
        return meaning
    return Meaning(Kind.PHONE, max(meaning.line, line or Line.FIXED, key=_FROM_BEST.index))
