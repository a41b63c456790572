import pytest

from migrate_mfa.domain.report_columns import OWN_COLUMNS, own_names, report_block

OLD = ["outcome", "reason", "detail", "user_sub", "updated_at"]
OURS = list(OWN_COLUMNS)
PREFIXED = [f"mfa_{name}" for name in OURS]


@pytest.mark.parametrize(
    ("names", "block"),
    [
        (["email", *OURS], range(1, 8)),
        (["email", *OLD], range(1, 6)),
        (["email", *OURS, "note"], range(1, 8)),
        (["email", *[name.upper() for name in OURS]], range(1, 8)),
        (["email", "reason", *PREFIXED], range(2, 9)),
        (["email", "mfa_reason", "reason", *[f"mfa_{name}" for name in PREFIXED]], range(3, 10)),
        (["email", *[f"x_{name}" for name in OURS]], range(0)),
        (["email", "phone_number", "reason", "detail", "outcome"], range(0)),
        (["email", *OLD[:-1]], range(0)),
        (["email", *reversed(OURS)], range(0)),
        ([], range(0)),
    ],
)
def test_a_reports_columns_are_known_as_a_whole_and_by_their_order(names: list[str], block: range) -> None:
    assert report_block(names) == block


@pytest.mark.parametrize("taken", [*OWN_COLUMNS, "Reason", " detail "])
def test_where_one_name_is_taken_all_of_ours_get_a_prefix(taken: str) -> None:
    assert own_names(["email", taken]) == PREFIXED
    assert own_names(["email", taken, "mfa_outcome"]) == [f"mfa_{name}" for name in PREFIXED]


def test_other_names_take_none_of_ours() -> None:
    assert own_names(["email", "phone_number", "reasons", "mfa_outcome"]) == OURS
