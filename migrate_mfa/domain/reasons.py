"""Outcomes and reasons: the fixed words of every report, and what to do about each.

Scripts read these codes: add reasons, never rename one. Each reason has one row in the table `Reason` with
all its facts, in the order of the reports.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The result of a row; each row has exactly one."""

    VERIFIED = "verified"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNPROCESSED = "unprocessed"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a reason; `en` and `ja` say in one sentence what it means and what to do next."""

    outcome: Outcome
    en: str
    ja: str
    liftable: bool = False
    """`--despite` accepts it."""
    needs_reading: bool = False
    """It can be known only after the read before the first write."""
    run_repeats: bool = False
    """The same command retries it; every other failure needs a change of the roster or the pool."""
    worth_another_try: bool = False
    """The cause may be the caller or the pool, and the user is unchanged: reconcile reads the user again."""
    uses_number: bool = False
    """The pool has, for this user, the number that is or will be used."""
    awaits_proof: bool = False
    """The number is in the pool, and only the user can verify it."""
    of_number: bool = False
    """Only the number of the row is bad; the rest was read."""
    left_by_rollback: bool = False
    """A rollback cannot restore the user because of the user or the pool; it does not count as a failure."""
    lockout_place: int = 0
    """The position in the list of users who could be locked out; 0 if not in the list."""


_FACTS: dict[str, Facts] = {}
"""The facts of each reason by its code."""


def _row(code: str, facts: Facts) -> str:
    """Add one row to the table of reasons. Returns the code."""
    _FACTS[code] = facts
    return code


# fmt: off
class Reason(StrEnum):
    """Why a row has its outcome."""

    ENROLLED = _row("enrolled", Facts(Outcome.VERIFIED, uses_number=True,
        en="The number is stored and verified, and SMS MFA is on; nothing to do.",
        ja="番号を検証済みとして保存し、SMS MFA を有効にしました。対応は不要です。"))
    ALREADY_ENROLLED = _row("already_enrolled", Facts(Outcome.VERIFIED, uses_number=True, lockout_place=1,
        en="The user was enrolled with this number before; nothing was written.",
        ja="以前からこの番号で登録済みです。書き込みは行っていません。"))
    PROMOTED = _row("promoted", Facts(Outcome.VERIFIED, uses_number=True,
        en="The user has verified the number, and SMS MFA is on; nothing to do.",
        ja="本人が番号を検証し、SMS MFA が有効になりました。対応は不要です。"))
    AWAITING_CODE = _row("awaiting_code", Facts(Outcome.PENDING, uses_number=True, awaits_proof=True,
        en="The user must verify the number in your app (VerifyUserAttribute); then run reconcile.",
        ja="本人がアプリで番号を検証する必要があります(VerifyUserAttribute)。"
           "その後 reconcile を実行してください。"))
    AWAITING_FIRST_SIGN_IN = _row("awaiting_first_sign_in", Facts(Outcome.PENDING,
        uses_number=True, awaits_proof=True,
        en="SMS MFA is on; the first sign-in with an SMS code verifies the number; then run reconcile.",
        ja="SMS MFA は有効です。SMS コードによる最初のサインインで番号が検証されます。"
           "その後 reconcile を実行してください。"))
    AWAITING_CONFIRMATION = _row("awaiting_confirmation", Facts(Outcome.PENDING,
        en="The user has not confirmed the sign-up yet; once that is done, run reconcile.",
        ja="本人がサインアップをまだ確認していません。確認後に reconcile を実行してください。"))
    AWAITING_PASSWORD_RESET = _row("awaiting_password_reset", Facts(Outcome.PENDING,
        en="The user must reset the password first; once that is done, run reconcile.",
        ja="本人が先にパスワードをリセットする必要があります。その後 reconcile を実行してください。"))
    BAD_ROW = _row("bad_row", Facts(Outcome.FAILED,
        en="The row cannot be read safely; correct it in the roster and run again.",
        ja="行を安全に読み取れません。ロスターを修正して再実行してください。"))
    PHONE_MISSING = _row("phone_missing", Facts(Outcome.FAILED,
        en="The row has no number, and the pool has no verified one; add one to the roster.",
        ja="行に番号がなく、プールにも検証済みの番号がありません。ロスターに番号を追加してください。"))
    INVALID_PHONE = _row("invalid_phone", Facts(Outcome.FAILED, of_number=True,
        en="This is not a phone number; correct it in the roster.",
        ja="電話番号ではありません。正しい番号をロスターに記入してください。"))
    NOT_SMS_CAPABLE = _row("not_sms_capable", Facts(Outcome.FAILED, of_number=True,
        en="This number cannot receive SMS; ask the user for a mobile number.",
        ja="SMS を受信できない番号です。本人に携帯電話番号を確認してください。"))
    USER_NOT_FOUND = _row("user_not_found", Facts(Outcome.FAILED, left_by_rollback=True,
        en="The pool has no such user; correct the identity or remove the row.",
        ja="プールに該当するユーザーがいません。識別子を修正するか、行を削除してください。"))
    AMBIGUOUS_USER = _row("ambiguous_user", Facts(Outcome.FAILED,
        en="More than one user fits; name this one by its sub or Username.",
        ja="複数のユーザーに一致します。sub または Username で指定してください。"))
    CONFLICTING_ROWS = _row("conflicting_rows", Facts(Outcome.FAILED,
        en="Several rows ask different things for this user; keep the right one.",
        ja="同じユーザーに異なる内容の行があります。正しい行だけを残してください。"))
    UNSUPPORTED_STATUS = _row("unsupported_status", Facts(Outcome.FAILED,
        en="The user's status allows no MFA; look at the user in Cognito.",
        ja="ユーザーのステータスが MFA に対応していません。Cognito で確認してください。"))
    PHONE_DIFFERS = _row("phone_differs", Facts(Outcome.FAILED, lockout_place=5,
        en="The pool already uses a different number for this user. Decide which is right; see "
           "--phone-conflict.",
        ja="プールでは別の番号が使用中です。"
           "どちらが正しいか判断してください(plan と run の --phone-conflict)。"))
    PHONE_TAKEN = _row("phone_taken", Facts(Outcome.FAILED, left_by_rollback=True, lockout_place=6,
        en="Users of this pool sign in with phone numbers, and several users have this one; give each "
           "user a different number.",
        ja="このプールでは番号でサインインでき、この番号は複数のユーザーのものです。"
           "別々の番号にしてください。"))
    REJECTED = _row("rejected", Facts(Outcome.FAILED, run_repeats=True, worth_another_try=True,
        en="Cognito refused the change; the detail says why.",
        ja="Cognito が変更を拒否しました。理由は詳細にあります。"))
    NOT_EFFECTIVE = _row("not_effective", Facts(Outcome.FAILED, run_repeats=True,
        en="Cognito accepted the change but does not show it; look at this user before running again.",
        ja="Cognito は変更を受け付けましたが、反映されていません。再実行の前にユーザーを確認してください。"))
    GAVE_UP = _row("gave_up", Facts(Outcome.FAILED, run_repeats=True, worth_another_try=True,
        en="Cognito kept failing for this user; run the same command again later.",
        ja="このユーザーで Cognito のエラーが続きました。後で同じコマンドを再実行してください。"))
    RESTORE_WOULD_SEND_SMS = _row("restore_would_send_sms", Facts(Outcome.FAILED, left_by_rollback=True,
        en="SMS MFA is as before, but putting the old number back would send an SMS; do that by hand.",
        ja="SMS MFA は元に戻りましたが、元の番号を戻すと SMS が送信されます。手動で戻してください。"))
    HALF_DONE = _row("half_done", Facts(Outcome.FAILED, run_repeats=True,
        en="This run wrote to the user and then could not continue; the detail says why. Run again, "
           "or roll back.",
        ja="書き込みの途中で続行できなくなりました。理由は詳細にあります。"
           "再実行するか、ロールバックしてください。"))
    DUPLICATE_ROW = _row("duplicate_row", Facts(Outcome.SKIPPED,
        en="An earlier row says the same; nothing to do.",
        ja="前の行と同じ内容です。対応は不要です。"))
    FEDERATED_USER = _row("federated_user", Facts(Outcome.SKIPPED,
        en="The user signs in through an identity provider; set up MFA there.",
        ja="外部の ID プロバイダーでサインインしています。MFA はそちらで設定してください。"))
    DISABLED_USER = _row("disabled_user", Facts(Outcome.SKIPPED, liftable=True,
        en="The user is disabled; enable it first, or use --despite disabled_user.",
        ja="無効化されたユーザーです。先に有効にするか、--despite disabled_user を使ってください。"))
    HAS_TOTP = _row("has_totp", Facts(Outcome.SKIPPED, liftable=True, needs_reading=True, lockout_place=2,
        en="The user has an authenticator app, which is stronger; left alone (--despite has_totp).",
        ja="より強力な認証アプリを使用しています。変更していません(--despite has_totp)。"))
    HAS_PASSKEY = _row("has_passkey", Facts(Outcome.SKIPPED,
        liftable=True, needs_reading=True, lockout_place=4,
        en="SMS MFA would block the user's passkey sign-in; left alone (--despite has_passkey).",
        ja="SMS MFA を有効にするとパスキーでサインインできなくなります。"
           "変更していません(--despite has_passkey)。"))
    HAS_EMAIL_MFA = _row("has_email_mfa", Facts(Outcome.SKIPPED,
        liftable=True, needs_reading=True, lockout_place=3,
        en="The user has e-mail MFA already; left alone (--despite has_email_mfa).",
        ja="すでにメール MFA を使用しています。変更していません(--despite has_email_mfa)。"))
    NO_RECOVERY_LEFT = _row("no_recovery_left", Facts(Outcome.SKIPPED, liftable=True, lockout_place=7,
        en="With SMS MFA on, this user could not reset a forgotten password; verify an e-mail address first.",
        ja="SMS MFA を有効にすると、パスワードを忘れたときにリセットできなくなります。"
           "先にメールアドレスを検証してください。"))
    CHANGED_BY_OTHERS = _row("changed_by_others", Facts(Outcome.SKIPPED,
        en="Somebody else has changed this user since the run; left alone.",
        ja="その後、別の人がこのユーザーを変更しました。変更していません。"))
    RESTORED = _row("restored", Facts(Outcome.SKIPPED,
        en="Back to what it was before the run.",
        ja="実行前の状態に戻しました。"))
    NOTHING_TO_RESTORE = _row("nothing_to_restore", Facts(Outcome.SKIPPED,
        en="The run wrote nothing to this user.",
        ja="このユーザーへの書き込みはありませんでした。"))
    MFA_DISABLED = _row("mfa_disabled", Facts(Outcome.SKIPPED,
        en="SMS MFA is off; the number stays.",
        ja="SMS MFA を無効にしました。番号は残っています。"))
# fmt: on

    @property
    def facts(self) -> Facts:
        """All its facts."""
        return _FACTS[self]

    @property
    def outcome(self) -> Outcome:
        """The outcome to which this reason belongs."""
        return self.facts.outcome

    @property
    def sentence(self) -> str:
        """One sentence: what it means and what to do next."""
        return self.facts.en


LIFTABLE = frozenset(each for each in Reason if each.facts.liftable)
WORTH_ANOTHER_TRY = frozenset(each for each in Reason if each.facts.worth_another_try)
AWAIT_PROOF = frozenset(each for each in Reason if each.facts.awaits_proof)

_BY_PLACE = sorted(Reason, key=lambda each: each.facts.lockout_place)
LOCKOUT_SHEET = tuple(each for each in _BY_PLACE if each.facts.lockout_place)
"""Rows 7 to 11 of the decision table: users who could be locked out."""
