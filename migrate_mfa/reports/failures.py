"""Failed rows as cross-tables: the cause, by the country of the number and by the pool's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import PhoneSignIn
from migrate_mfa.domain.reasons import Reason

if TYPE_CHECKING:
    from migrate_mfa.domain.model import PoolFacts

_MOST_COUNTRIES = 6
_MOST_LINES = 30
OTHERS = "others"
NONE = "none"
"""Names of columns other than the two-letter countries."""


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One cause: the operation (empty if a row failed before any call), its error code or the reason."""

    operation: str
    code: str
    reason: str
    counts: Sequence[int]
    total: int


@dataclass(frozen=True, slots=True)
class FailureTable:
    """Failures by cause (lines) and country (columns), the most frequent first."""

    countries: Sequence[str]
    lines: Sequence[FailureLine]


def failure_table(found: Sequence[tuple[str, str, str, int]]) -> FailureTable | None:
    """Make the table from (reason, what failed, country, rows); None if nothing failed."""
    if not found:
        return None
    import pandas as pd  # noqa: PLC0415 - it takes longer than all the rest, and most runs have no failure

    causes = [_cause(reason, text) for reason, text, _, _ in found]
    frame = pd.DataFrame(causes, columns=["operation", "code", "reason"])
    frame["country"] = [country or NONE for _, _, country, _ in found]
    frame["rows"] = [rows for _, _, _, rows in found]
    common = list(frame.groupby("country")["rows"].sum().nlargest(_MOST_COUNTRIES).index)
    frame["country"] = frame["country"].where(frame["country"].isin(common), OTHERS)
    table = pd.crosstab(
        [frame["operation"], frame["code"], frame["reason"]],
        frame["country"],
        values=frame["rows"],
        aggfunc="sum",
    )
    table = table.fillna(0).astype(int)
    order = table.sum(axis=1).sort_values(ascending=False, kind="stable").index[:_MOST_LINES]
    columns = [*common, *([OTHERS] if OTHERS in table.columns else [])]
    lines = []
    for operation, code, reason in order:
        counts = [int(number) for number in table.loc[(operation, code, reason), columns].to_numpy()]
        lines.append(FailureLine(operation, code, reason, counts, sum(counts)))
    return FailureTable([str(each) for each in columns], lines)


def _cause(reason: str, text: str) -> tuple[str, str, str]:
    """Operation, code and reason of "AdminGetUser: SomeException" or "… kept failing with SomeException"."""
    for between in (": ", " kept failing with "):
        operation, said, code = text.partition(between)
        if said:
            return operation, code, reason
    return "", "", reason


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting of the pool by Cognito's name, its value, and the rows that may not be done because of it."""

    name: str
    value: str
    reasons: Sequence[tuple[str, int]]

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(rows for _, rows in self.reasons)


def by_setting(reasons: Mapping[str, int], pool: "PoolFacts | None") -> list[SettingLine]:
    """Rows (by reason) that were not done because of a setting of the pool, the most frequent first."""
    if pool is None:
        return []
    found = []
    for name, value, kept in _settings(pool):
        rows = [(reason.value, reasons[reason]) for reason in kept if reasons.get(reason)]
        if value and rows:
            found.append(SettingLine(name, value, sorted(rows, key=lambda each: -each[1])))
    return sorted(found, key=lambda line: -line.rows)


def _settings(pool: "PoolFacts") -> list[tuple[str, str, tuple[Reason, ...]]]:
    """By the name in DescribeUserPool: the value if it can prevent rows, and the reasons of such rows."""
    recovery = "none" if pool.recovery is None else ", ".join(pool.recovery)
    sign_in = "" if pool.phone_sign_in is PhoneSignIn.NO else "phone_number"
    codes, proof = (
        "phone_number" if each else "" for each in (pool.phone_auto_verified, pool.phone_needs_proof)
    )
    return [
        ("AliasAttributes / UsernameAttributes", sign_in, (Reason.PHONE_TAKEN,)),
        ("AccountRecoverySetting", recovery, (Reason.NO_RECOVERY_LEFT,)),
        ("AllowedFirstAuthFactors", "WEB_AUTHN" if pool.passkeys_at_risk else "", (Reason.HAS_PASSKEY,)),
        ("AutoVerifiedAttributes", codes, (Reason.RESTORE_WOULD_SEND_SMS,)),
        ("CaseSensitive", "true" if pool.case_sensitive else "", (Reason.USER_NOT_FOUND,)),
        ("AttributesRequireVerificationBeforeUpdate", proof, (Reason.NOT_EFFECTIVE,)),
    ]
