"""The benchmark runs; its figures are not judged here."""

import pytest

from tests.tools.bench.bench import main


def test_the_tables_come_out_whole(capsys: pytest.CaptureFixture[str]) -> None:
    main(
        [
            *("enrol", "scale", "--users", "4", "--rows", "60"),
            *("--scenario", "40 % taken", "--contender", "migrate-mfa"),
        ]
    )

    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()
    ]
    ours = next(line for line in lines if line[0] == "migrate-mfa")
    size = next(line for line in lines if line[0] == "60")
    assert ours[2:6] == ["0.0 %", "0.0 %", "0 %", "0 %"]
    assert len(size) == 6
    assert all(float(cell.replace(",", "")) >= 0 for cell in size)


def test_the_help_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    assert left.value.code == 0
    assert 'such as "60 %' in capsys.readouterr().out


def test_the_parts_of_a_short_run_are_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["short", "--users", "4"])

    cells = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if "|" in line]
    *parts, whole, _ = [float(line[1]) for line in cells[2:]]
    assert len(parts) == 4
    assert all(part >= 0 for part in parts)
    assert whole / 2 < sum(parts) < 2 * whole  # a busy machine makes the program's own start and end longer
