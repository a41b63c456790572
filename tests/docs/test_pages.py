"""Both languages say the same; links lead somewhere; pages fit a terminal and are short."""

import re
from unicodedata import east_asian_width

import pytest

from migrate_mfa.commands.guide import TOPICS
from tests.docs.documents import (
    ALL,
    GUIDE,
    PAIRS,
    ROOT,
    TRANSLATED,
    blocks,
    codes,
    headings,
    read,
    tables,
    without_blocks,
)

OTHERS = (
    "samples/README.md",
    "samples/simulator/README.md",
    "samples/simulator/README.ja.md",
    "tests/tools/bench/README.md",
    "migrate_mfa/README.md",
    "CONTRIBUTING.md",
)
THE_NIGHT = {"after-the-run", "troubleshooting", "roster", "policies", "check", "state"}
"""The topics that an operator needs in Japanese."""
PAIRED = pytest.mark.parametrize(("english", "japanese"), PAIRS, ids=["README", *TRANSLATED])


@PAIRED
def test_both_languages_have_the_same_structure(english: str, japanese: str) -> None:
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(japanese)]
    assert [language for language, _ in blocks(english)] == [language for language, _ in blocks(japanese)]
    assert [len(rows) for rows in tables(english)] == [len(rows) for rows in tables(japanese)]


@PAIRED
def test_both_languages_have_the_same_commands_and_documents(english: str, japanese: str) -> None:
    pairs = zip(blocks(english), blocks(japanese), strict=True)

    assert all(ours == theirs for ours, theirs in pairs if ours[0] != "text")


@PAIRED
def test_both_languages_name_the_same_codes(english: str, japanese: str) -> None:
    assert set(codes(english)) == set(codes(japanese))


def test_the_topics_of_the_night_exist_in_japanese() -> None:
    assert set(TRANSLATED) >= THE_NIGHT


def test_every_page_of_the_guide_is_a_topic_and_the_readme_links_to_all() -> None:
    assert sorted(path.stem for path in GUIDE.glob("*.md")) == sorted(TOPICS)
    for name in TOPICS:
        assert f"(migrate_mfa/guide/{name}.md)" in ALL["README.md"], name


@pytest.mark.parametrize("name", ALL)
def test_pages_are_short(name: str) -> None:
    most = {"README.md": 300, "README.ja.md": 300, "migrate_mfa/guide/reference.md": 280}.get(name, 220)

    assert len(ALL[name].splitlines()) <= most


def slug(title: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", [*ALL, *OTHERS])
def test_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    text = read(name)
    links = re.findall(r"\]\(([^)\s]+)\)", without_blocks(text))

    assert links or name.startswith(("migrate_mfa/", "tests/"))
    for link in links:
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in {slug(title) for _, title in headings(target.read_text(encoding="utf-8"))}, link


@pytest.mark.parametrize("name", ALL)
def test_blocks_fit_a_terminal(name: str) -> None:
    wide = [
        line
        for language, body in blocks(ALL[name])
        if language in {"console", "text"}
        for line in body.splitlines()
        if sum(1 + (east_asian_width(char) in "WF") for char in line) > 80
    ]

    assert wide == []


def test_every_sample_is_described() -> None:
    text = read("samples/README.md")

    for file in (ROOT / "samples").iterdir():
        if file.name != "README.md":
            stem = re.sub(r"\.expected\.csv$", ".csv", file.name)
            assert f"`{stem}`" in text, file.name


def test_the_tree_names_every_folder_and_file_of_the_package() -> None:
    named = set(codes(read("migrate_mfa/README.md")))
    package = ROOT / "migrate_mfa"

    for path in package.iterdir():
        if path.is_dir() and not path.name.startswith("_"):
            assert f"{path.name}/" in named, path.name
        if path.suffix == ".py" and not path.name.startswith("_"):
            assert path.name in named, path.name


def test_the_way_of_a_row_and_the_answers_name_files_that_exist() -> None:
    package = ROOT / "migrate_mfa"
    named = [
        code for code in codes(read("migrate_mfa/README.md")) if re.fullmatch(r"[a-z_]+/[a-z_/]+\.py", code)
    ]

    assert len(named) > 12
    assert [name for name in named if not (package / name).is_file()] == []
