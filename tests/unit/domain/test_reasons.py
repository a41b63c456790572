import re

import pytest

from migrate_mfa.domain.reasons import LIFTABLE, LOCKOUT_SHEET, Outcome, Reason

CODES = {
    "verified": "enrolled already_enrolled promoted",
    "pending": "awaiting_code awaiting_first_sign_in awaiting_confirmation awaiting_password_reset",
    "failed": (
        "bad_row phone_missing invalid_phone not_sms_capable user_not_found ambiguous_user conflicting_rows "
        "unsupported_status phone_differs phone_taken rejected not_effective gave_up restore_would_send_sms"
    ),
    "skipped": (
        "duplicate_row federated_user disabled_user has_totp has_passkey has_email_mfa no_recovery_left "
        "changed_by_others restored nothing_to_restore mfa_disabled"
    ),
}


def test_the_outcomes_are_these() -> None:
    assert [each.value for each in Outcome] == ["verified", "pending", "failed", "skipped", "unprocessed"]


@pytest.mark.parametrize("outcome", list(CODES))
def test_no_reason_was_renamed_or_moved_to_another_outcome(outcome: str) -> None:
    known = {each.value for each in Reason if each.outcome.value == outcome}

    assert set(CODES[outcome].split()) <= known


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_one_outcome_and_a_sentence_of_its_own(reason: Reason) -> None:
    assert reason.outcome in set(Outcome) - {Outcome.UNPROCESSED}
    assert reason.sentence.endswith((".", ")."))
    assert reason.sentence[0].isupper()
    assert sum(reason.sentence == other.sentence for other in Reason) == 1


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_japanese_sentence_that_names_the_same_options(reason: Reason) -> None:
    told = reason.facts.ja

    assert told.endswith("。")
    assert sum(told == other.facts.ja for other in Reason) == 1
    assert all(option in told for option in re.findall(r"--[a-z-]+(?: [a-z]+_\w+)?", reason.sentence))


def test_the_properties_of_reasons_are_these() -> None:
    def those(name: str) -> set[str]:
        return {reason.value for reason in Reason if getattr(reason.facts, name)}

    assert those("needs_reading") == {"has_totp", "has_passkey", "has_email_mfa"}
    assert those("worth_another_try") == {"gave_up", "rejected"}
    assert those("run_repeats") == {"gave_up", "rejected", "half_done", "not_effective"}
    assert those("awaits_proof") == {"awaiting_code", "awaiting_first_sign_in"}
    assert those("uses_number") == those("awaits_proof") | {"enrolled", "already_enrolled", "promoted"}
    assert those("of_number") == {"invalid_phone", "not_sms_capable"}
    assert those("left_by_rollback") == {"restore_would_send_sms", "user_not_found", "phone_taken"}


def test_despite_lifts_five_reasons_and_all_of_them_are_skips() -> None:
    assert {each.value for each in LIFTABLE} == {
        "has_totp",
        "has_passkey",
        "has_email_mfa",
        "no_recovery_left",
        "disabled_user",
    }
    assert {each.outcome for each in LIFTABLE} == {Outcome.SKIPPED}


def test_the_lockout_sheet_holds_rows_seven_to_eleven_of_the_table() -> None:
    assert [each.value for each in LOCKOUT_SHEET] == [
        "already_enrolled",
        "has_totp",
        "has_email_mfa",
        "has_passkey",
        "phone_differs",
        "phone_taken",
        "no_recovery_left",
    ]
