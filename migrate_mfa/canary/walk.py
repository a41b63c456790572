"""Make the steps of a canary with one real user: time each, journal each write, report each.

A call with an unknown effect is not repeated: it may have sent an SMS. Like in a run, every write is in the
journal before it is made, so a rollback can restore the user even after a crash.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from migrate_mfa.canary.sign_in import (
    CODE_MISMATCH,
    Challenge,
    SignIn,
    Tokens,
    challenge_sentence,
    explain,
    goes_to,
    mask_destination,
    require_flow,
    too_late,
    wrong_password,
)
from migrate_mfa.canary.steps import Questions, Walked, Way
from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.failure import ApiError, Effect, run_problem
from migrate_mfa.domain.model import SMS_MFA, Plan, SetSmsMfa, Step, StorePhone
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.pacing.retry import WRITES, retrying
from migrate_mfa.ports import Clock, UserPool
from migrate_mfa.stop import Stopped

if TYPE_CHECKING:
    from migrate_mfa.domain.rows import PlannedRow
    from migrate_mfa.journal.write_store import WorkStore
    from migrate_mfa.stop import Stop

TRIES = 3
"""How often a password or a code may be typed. Cognito locks a user out after five failures."""
T = TypeVar("T")


class _Failed(Exception):
    """A step failed and ends the canary; the text is for the person at the terminal."""


class Walk:
    """Makes the steps once. `steps` are those made so far."""

    def __init__(
        self,
        way: Way,
        work: "PlannedRow",
        *,
        store: "WorkStore",
        user_pool: UserPool,
        sign_in: SignIn,
        ask: Questions,
        clock: Clock,
        stop: "Stop",
        client: tuple[str, str],
        tell: Callable[[Walked], None],
    ) -> None:
        self._way = way
        self._work = work
        self._store = store
        self._user_pool = user_pool
        self._sign_in = sign_in
        self._ask = ask
        self._clock = clock
        self._stop = stop
        self._client = client
        self._tell = tell
        self._password = ""
        self._tokens: Tokens | None = None
        self._challenge: Challenge | None = None
        self._sent_to: str | None = None
        self._seconds = 0.0
        self.steps: list[Walked] = []

    def go(self) -> bool:
        """Make the steps up to the tokens. Returns whether tokens came. Always revokes the session.

        Raises:
            MigrateMfaError: a failure that concerns more than this user.
            Stopped: a signal came.
        """
        try:
            self._set_up()
            self._step("sign_in_again", "AdminInitiateAuth", self._be_challenged)
            self._step("answer_code", "AdminRespondToAuthChallenge", self._answer)
        except _Failed:
            return False
        finally:
            self._password = ""
            self._end_session("end_session")
        return True

    def _set_up(self) -> None:
        way = self._way
        if way.first_sign_in:
            self._step("sign_in", "AdminInitiateAuth", self._begin)
        if way.store:
            operation = "AdminUpdateUserAttributes" if way.attested else "UpdateUserAttributes"
            self._step("store_number", operation, self._store_number)
        if way.prove:
            if self._sent_to is None:
                self._step("send_code", "GetUserAttributeVerificationCode", self._send_code)
            self._step("verify_number", "VerifyUserAttribute", self._verify)
        if way.enable:
            self._step("enable_mfa", "AdminSetUserMFAPreference", self._enable)
        self._end_session("end_first_session")

    def _step(self, name: str, operation: str, do: Callable[[], str]) -> None:
        self._seconds = 0.0
        status, says = "failed", ""
        try:
            status, says = "ok", do()
        except ApiError as error:
            status, says = "failed", explain(error)
            raise _Failed from error
        except _Failed as failed:
            status, says = "failed", str(failed)
            raise
        except MigrateMfaError as error:
            status, says = "failed", error.message
            raise
        except Stopped:
            status, says = "stopped", "Stopped here."
            raise
        finally:
            self._note(name, operation, status, says)

    def _note(self, name: str, operation: str, status: str, says: str) -> None:
        walked = Walked(name, operation, status, round(self._seconds, 2), says)
        self.steps.append(walked)
        self._tell(walked)

    def _call(self, attempt: Callable[[], T]) -> T:
        """Make one call, retried like the engine's, but not if the first may have taken effect."""
        controller = retrying(WRITES, self._clock, self._stop)
        try:
            return self._timed(lambda: controller(attempt))
        except ApiError as error:
            if error.effect is Effect.FATAL:
                raise run_problem(error) from error
            raise

    def _timed(self, attempt: Callable[[], T]) -> T:
        started = self._clock.monotonic()
        try:
            return attempt()
        finally:
            self._seconds += self._clock.monotonic() - started

    def _write(self, step: Step, attempt: Callable[[], T]) -> T:
        """Make one write. First its intent and the user's earlier state are written to the journal."""
        now = self._clock.now
        intent = self._store.record_intent(self._work, self._way.state, Plan((step,), Reason.ENROLLED), now())
        result = "unknown"
        try:
            answer = attempt()
            result = "done"
        except ApiError as error:
            result = "unknown" if error.may_have_stored else "refused"
            raise
        finally:
            self._store.record_result(intent, result, now())
        return answer

    # -- the steps

    def _begin(self) -> str:
        got = self._log_in()
        if isinstance(got, Challenge):
            raise _Failed(challenge_sentence(got.name))
        self._tokens = got
        return "password right, the app client signs in"

    def _log_in(self) -> Tokens | Challenge:
        left = TRIES
        while True:
            self._password = self._password or self._ask.password()
            try:
                return self._call(lambda: self._sign_in.begin(self._way.state.username, self._password))
            except ApiError as error:
                require_flow(error, *self._client)
                left -= 1
                if not wrong_password(error) or not left:
                    raise
                self._password = ""
                self._ask.say(f"That is not the user's password; tries left: {left}.")

    def _store_number(self) -> str:
        phone, username = self._way.phone, self._way.state.username
        if self._way.attested:
            self._write(
                StorePhone(phone, verified=True),
                lambda: self._timed(lambda: self._user_pool.store_phone(username, phone, verified=True)),
            )
            return "stored as verified by an administrator"
        sent_to = self._write(
            StorePhone(phone, verified=False),
            lambda: self._call(lambda: self._sign_in.store_phone(self._signed_in(), phone)),
        )
        self._note_destination(sent_to)
        return "stored by the user; a code was sent" if sent_to else "stored by the user; no code was sent"

    def _send_code(self) -> str:
        self._note_destination(self._call(lambda: self._sign_in.send_code(self._signed_in())))
        return "Cognito sends a code by SMS"

    def _note_destination(self, sent_to: str | None) -> None:
        if sent_to is not None and not goes_to(sent_to, self._way.phone):
            raise _Failed(
                f"The code went to {mask_destination(sent_to)}, which is another number than "
                f"{self._way.phone.masked}: look at this user in Cognito."
            )
        self._sent_to = sent_to

    def _verify(self) -> str:
        self._enter(
            lambda code: self._write(
                StorePhone(self._way.phone, verified=True),
                lambda: self._call(lambda: self._sign_in.verify_phone(self._signed_in(), code)),
            ),
            self._send_code,
        )
        return "the SMS arrived, its code proves the number"

    def _enable(self) -> str:
        username = self._way.state.username
        self._write(
            SetSmsMfa(enabled=True, preferred=True),
            lambda: self._timed(lambda: self._user_pool.set_sms_mfa(username, enabled=True, preferred=True)),
        )
        return "SMS MFA is on and preferred"

    def _be_challenged(self) -> str:
        got = self._log_in()
        if isinstance(got, Tokens):
            self._tokens = got
            raise _Failed(
                "No code was asked for: tokens came at once. SMS MFA is not in effect for this user; "
                "look at the pool's MFA settings and at remembered devices."
            )
        if got.name != SMS_MFA:
            raise _Failed(challenge_sentence(got.name))
        self._challenge = got
        self._note_destination(got.destination or "")
        return "challenged: the sign-in asks for SMS_MFA"

    def _answer(self) -> str:
        got = self._enter(
            lambda code: self._call(lambda: self._sign_in.answer(self._asked(), code)), self._be_challenged
        )
        if isinstance(got, Challenge):
            raise _Failed(challenge_sentence(got.name))
        self._tokens = got
        return "the SMS arrived, its code gives tokens"

    def _enter(self, attempt: Callable[[str], T], renew: Callable[[], object]) -> T:
        """Ask for a code until it is right: a limited number of tries, and at most one new code."""
        left, renewed = TRIES, False
        while left:
            code = self._ask.code(mask_destination(self._sent_to or ""))
            why = "No code has come."
            if code:
                try:
                    return attempt(code)
                except ApiError as error:
                    if error.code == CODE_MISMATCH:
                        left -= 1
                        self._ask.say(f"That code is wrong; tries left: {left}.")
                        continue
                    if not too_late(error):
                        raise
                    why = "That code is too old."
            if renewed or not self._ask.agree(f"{why} Send a new one (one more SMS)?"):
                raise _Failed(f"{why} {_NO_CODE}")
            renew()
            renewed = True
        raise _Failed(f"The code was wrong {TRIES} times.")

    def _end_session(self, name: str) -> None:
        """Revoke the tokens. A failure is reported and changes nothing else."""
        tokens, self._tokens = self._tokens, None
        if tokens is None:
            return
        self._seconds = 0.0
        try:
            self._call(lambda: self._sign_in.revoke(tokens))
        except ApiError as error:
            self._note(name, "RevokeToken", "noted", explain(error))
        except MigrateMfaError as error:
            self._note(name, "RevokeToken", "noted", error.message)
        else:
            self._note(name, "RevokeToken", "ok", "this session alone has ended")

    def _signed_in(self) -> Tokens:
        if self._tokens is None:
            raise _Failed("There is no session.")
        return self._tokens

    def _asked(self) -> Challenge:
        if self._challenge is None:
            raise _Failed("Nothing was asked.")
        return self._challenge


_NO_CODE = (
    "If no SMS comes at all, look at the SNS sandbox, the monthly spending limit, opt-outs and the "
    "origination identity of this country."
)
