"""A stronger factor that a write of ours takes from a user is given back, and preferred again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.model import SMS_MFA, SOFTWARE_TOKEN_MFA, MfaState
from migrate_mfa.domain.reasons import Reason
from tests.support.builders import a_candidate, a_policy, a_user, mfa
from tests.support.fakes import MFA, Call, FakeUserPool, Killed
from tests.support.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.promise(11)

TOTP = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)


class Forgetful:
    """A Cognito in which a factor that a preference does not name is switched off, the first time."""

    def __init__(self, directory: FakeUserPool, *, dies: bool) -> None:
        self._user_pool = directory
        self._dies = dies
        self._done = False

    def __call__(self, call: Call) -> None:
        if call.operation != MFA or self._done:
            return
        self._done = True
        user = self._user_pool.true_state(call.username)
        others = (user.mfa or MfaState()).enabled - {SOFTWARE_TOKEN_MFA}
        self._user_pool.put(replace(user, mfa=MfaState(enabled=others, preferred=None)))
        if self._dies:
            raise Killed


class KeepsRegistration(FakeUserPool):
    """An authenticator stays registered when it is switched off, so it can be switched on again."""

    def _prefer(self, username: str, factor: str) -> None:
        user = self.true_state(username)
        state = user.mfa or MfaState()
        self.put(replace(user, mfa=replace(state, enabled=state.enabled | {factor}, preferred=factor)))


@pytest.mark.parametrize("dies", [False, True], ids=["at once", "by the next run"])
def test_a_factor_that_our_write_took_is_given_back(tmp_path: Path, dies: bool) -> None:
    policy = a_policy(despite=[Reason.HAS_TOTP])
    with scene(tmp_path, KeepsRegistration([a_user(mfa=TOTP)]), policy=policy) as run:
        run.plan([a_candidate()])
        run.user_pool.after = Forgetful(run.user_pool, dies=dies)
        if dies:
            with pytest.raises(Killed):
                run.settle_open()
            run.reopen()

        run.settle_open()

        state = run.user_pool.true_state("ann").mfa
        assert state == mfa(SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
        assert run.row() == ("verified", "enrolled")
