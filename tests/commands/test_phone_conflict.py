"""What `--phone-conflict` goes with, as the options take it and as the help says."""

import pytest

from migrate_mfa.cli.option_groups import Deciding
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.model import PhoneConflict, VerificationPolicy
from migrate_mfa.main import main


@pytest.mark.parametrize("verification", ["attested", "by-column"])
def test_replace_goes_with_numbers_that_somebody_may_vouch_for(verification: str) -> None:
    told = Deciding(verification=VerificationPolicy(verification), phone_conflict=PhoneConflict.REPLACE)

    assert told.phone_conflict is PhoneConflict.REPLACE


@pytest.mark.parametrize("verification", ["by-code", "at-sign-in"])
def test_replace_is_refused_where_nobody_vouches_for_a_number(verification: str) -> None:
    with pytest.raises(UsageError) as refused:
        Deciding(verification=VerificationPolicy(verification), phone_conflict=PhoneConflict.REPLACE)

    assert "attested" in refused.value.hint
    assert "by-column" in refused.value.hint


def test_the_help_names_both_policies_that_replace_goes_with(capsys: pytest.CaptureFixture[str]) -> None:
    main(["run", "--help"])

    said = " ".join(capsys.readouterr().out.split())
    assert "replace it (with attested, or by-column in rows that say true)" in said
