"""Signing in in memory, and a person who answers questions from a script."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import TypeVar

from migrate_mfa.canary.sign_in import Challenge, Tokens
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import SMS_MFA, Phone
from migrate_mfa.stop import Stopped
from tests.support.fakes import FakeUserPool

PASSWORD = "right"
T = TypeVar("T")


def refusal(operation: str, code: str, message: str = "", status: int = 400) -> ApiError:
    return ApiError(operation=operation, code=code, message=message, status=status)


class FakeSignIn:
    """`ports.SignIn` for the users of a `FakeUserPool`: codes are single-use, sessions are counted.

    `begins` are answers to AdminInitiateAuth that come instead of the usual ones; `destination` where codes
    go, unless it is the user's own number.
    """

    def __init__(self, directory: FakeUserPool, username: str) -> None:
        self._user_pool = directory
        self._username = username
        self._numbers = count(100_001)
        self._faults: dict[str, list[ApiError]] = {}
        self._lost: set[str] = set()
        self._pending = ""
        self.calls: list[str] = []
        self.begins: list[Tokens | Challenge] = []
        self.answers: list[Tokens | Challenge] = []
        self.destination = ""
        self.code = ""
        self.sms = 0
        self.sessions: set[str] = set()

    def fail(self, operation: str, *errors: ApiError) -> None:
        self._faults.setdefault(operation, []).extend(errors)

    def lose_answer(self, operation: str) -> None:
        """The next call is done, and its answer never comes."""
        self._lost.add(operation)

    def begin(self, username: str, password: str) -> Tokens | Challenge:
        return self._do("AdminInitiateAuth", lambda: self._begin(username, password))

    def answer(self, challenge: Challenge, code: str) -> Tokens | Challenge:
        return self._do("AdminRespondToAuthChallenge", lambda: self._answer(challenge, code))

    def store_phone(self, tokens: Tokens, phone: Phone) -> str | None:
        return self._do("UpdateUserAttributes", lambda: self._store(tokens, phone))

    def send_code(self, tokens: Tokens) -> str:
        self._signed_in(tokens)
        return self._do("GetUserAttributeVerificationCode", self._send)

    def verify_phone(self, tokens: Tokens, code: str) -> None:
        self._signed_in(tokens)
        return self._do("VerifyUserAttribute", lambda: self._verify(code))

    def revoke(self, tokens: Tokens) -> None:
        return self._do("RevokeToken", lambda: self.sessions.discard(tokens.access))

    def _do(self, operation: str, act: Callable[[], T]) -> T:
        self.calls.append(operation)
        if faults := self._faults.get(operation):
            raise faults.pop(0)
        answer = act()
        if operation in self._lost:
            self._lost.discard(operation)
            raise refusal(operation, "ConnectionLost", status=0)
        return answer

    def _begin(self, username: str, password: str) -> Tokens | Challenge:
        if self.begins:
            return self.begins.pop(0)
        if (username, password) != (self._username, PASSWORD):
            raise refusal("AdminInitiateAuth", "NotAuthorizedException", "Incorrect username or password.")
        mfa = self._user_pool.true_state(username).mfa
        if mfa is None or not mfa.sms_in_effect:
            return self._tokens()
        return Challenge(name=SMS_MFA, session="s", username="the id", destination=self._send())

    def _answer(self, challenge: Challenge, code: str) -> Tokens | Challenge:
        if challenge.username != "the id":
            raise refusal("AdminRespondToAuthChallenge", "UserNotFoundException")
        self._check("AdminRespondToAuthChallenge", code)
        return self.answers.pop(0) if self.answers else self._tokens()

    def _store(self, tokens: Tokens, phone: Phone) -> str | None:
        self._signed_in(tokens)
        self._pending = phone.e164
        self._user_pool.store_phone(self._username, phone, verified=False)
        return self._send() if self._user_pool.pool.phone_auto_verified else None

    def _verify(self, code: str) -> None:
        self._check("VerifyUserAttribute", code)
        number = self._pending or self._user_pool.true_state(self._username).phone
        assert number
        self._user_pool.store_phone(self._username, Phone(number), verified=True)

    def _send(self) -> str:
        self.code = str(next(self._numbers))
        self.sms += 1
        number = self._pending or self._user_pool.true_state(self._username).phone or ""
        return self.destination or f"+*******{number[-4:]}"

    def _check(self, operation: str, code: str) -> None:
        if code != self.code:
            raise refusal(operation, "CodeMismatchException")
        self.code = ""

    def _tokens(self) -> Tokens:
        made = Tokens(f"access {next(self._numbers)}", "refresh")
        self.sessions.add(made.access)
        return made

    def _signed_in(self, tokens: Tokens) -> None:
        assert tokens.access in self.sessions, "this session has ended"


class Person:
    """`engine.canary.Questions`: right answers unless the script says otherwise.

    In `codes` None is the right code, "" is "none has come", and a `Stopped` is Ctrl-C.
    """

    def __init__(self, sign_in: FakeSignIn) -> None:
        self._sign_in = sign_in
        self.passwords: list[str] = []
        self.codes: list[str | Stopped | None] = []
        self.agrees: list[bool] = []
        self.asked: list[str] = []
        self.said: list[str] = []
        self.pause: Callable[[], None] = lambda: None

    def type(self, *codes: str | Stopped | None, agrees: Iterable[bool] = ()) -> None:
        self.codes, self.agrees = list(codes), list(agrees)

    def password(self) -> str:
        self.asked.append("password")
        return self.passwords.pop(0) if self.passwords else PASSWORD

    def code(self, destination: str) -> str:
        self.asked.append(f"code {destination}")
        self.pause()
        typed = self.codes.pop(0) if self.codes else None
        if isinstance(typed, Stopped):
            raise typed
        return self._sign_in.code if typed is None else typed

    def agree(self, question: str) -> bool:
        self.asked.append(question)
        return self.agrees.pop(0) if self.agrees else False

    def say(self, text: str) -> None:
        self.said.append(text)


class Typist:
    """`wiring.canary.Asker`: types what is right, and expects no other question."""

    def __init__(self, code: Callable[[], str], *, password: str, secret: str = "") -> None:
        self._code = code
        self._password = password
        self._secret = secret
        self.asked: list[str] = []

    def secret(self) -> str:
        self.asked.append("secret")
        return self._secret

    def password(self) -> str:
        self.asked.append("password")
        return self._password

    def code(self, destination: str) -> str:
        self.asked.append("code")
        return self._code()

    def agree(self, question: str) -> bool:
        raise AssertionError(question)

    def say(self, text: str) -> None:
        raise AssertionError(text)
