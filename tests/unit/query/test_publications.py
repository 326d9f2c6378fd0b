"""A long-running process reads the new publication at once, and the old one where a list was begun in it."""

from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.core.errors import NotThere
from orchestration.lib.query.publications import PublicationGone, Publications, TooSlow
from orchestration.lib.query.published import NothingPublished
from tests.support.publications import publish


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "published.duckdb"


def open_files(path: Path) -> int:
    """Descriptors of this process that lead into a folder; of a file that was replaced the link says `deleted`."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            links.append(str(descriptor.readlink()))
    return sum(link.startswith(str(path.parent)) for link in links)


def subjects(publications: Publications, publication_id: str | None = None) -> int:
    opened = publications.named(publication_id) if publication_id else publications.latest()
    with opened as publication, publication.query_session(10) as con:
        (count,) = con.execute("select count(*) from ecg.subject").fetchone() or (-1,)
    assert publication.row_counts["ecg.subject"] == count
    return int(count)


def test_each_question_is_of_what_is_published_at_that_moment(path: Path) -> None:
    publications = Publications(path)
    for row_count in (3, 5, 2):
        publish(path, row_count, only="ecg.subject")
        assert subjects(publications) == subjects(publications) == row_count


def test_a_reader_keeps_what_it_began_with(path: Path) -> None:
    publications = Publications(path)
    publish(path, 3, only="ecg.subject")
    with publications.latest() as publication, publication.query_session(10) as con:
        publish(path, 5, only="ecg.subject")
        assert subjects(publications) == 5
        assert con.execute("select count(*) from ecg.subject").fetchall() == [(3,)]


def test_a_replaced_publication_is_kept_for_a_while_and_its_file_then_closed(path: Path) -> None:
    clock = Clock()
    publications = Publications(path, kept_seconds=60, clock=clock)
    first = publish(path, 3, only="ecg.subject")
    subjects(publications)
    open_before = open_files(path)
    publish(path, 5, only="ecg.subject")
    clock.now = 100.0
    assert subjects(publications) == 5
    assert subjects(publications, first) == 3
    clock.now = 160.1
    with pytest.raises(PublicationGone, match="begin it again, without the cursor"):
        subjects(publications, first)
    assert open_files(path) == open_before


def test_of_many_publications_the_last_ones_are_kept(path: Path) -> None:
    publications = Publications(path, kept_count=2)
    ids = []
    for row_count in range(1, 6):
        ids.append(publish(path, row_count, only="ecg.subject"))
        subjects(publications)
    assert [subjects(publications, each) for each in ids[2:]] == [3, 4, 5]
    for each in ids[:2]:
        with pytest.raises(PublicationGone):
            subjects(publications, each)


def test_one_that_is_being_read_is_closed_only_afterwards(path: Path) -> None:
    publications = Publications(path, kept_count=0)
    publish(path, 3, only="ecg.subject")
    with publications.latest() as publication:
        publish(path, 5, only="ecg.subject")
        assert subjects(publications) == 5
        with publication.query_session(10) as con:
            assert con.execute("select count(*) from ecg.subject").fetchall() == [(3,)]
    with pytest.raises(duckdb.ConnectionException):
        publication.con.execute("select 1")


def test_closing_leaves_no_file_open(path: Path) -> None:
    publications = Publications(path)
    before = open_files(path)
    publish(path, only="ecg.subject")
    subjects(publications)
    publish(path, only="ecg.subject")
    subjects(publications)
    assert open_files(path) > before
    publications.close()
    assert open_files(path) == before


def test_what_is_no_publication_is_said(path: Path) -> None:
    publications = Publications(path)
    with pytest.raises(NothingPublished, match="run `vitalhouse build` first"):
        subjects(publications)
    path.write_text("not a database")
    with pytest.raises(NothingPublished, match=r"cannot be read .* run `vitalhouse build` again"):
        subjects(publications)
    path.unlink()
    duckdb.connect(str(path)).close()
    with pytest.raises(NothingPublished, match="cannot be read"):
        subjects(publications)
    publish(path, 4, only="ecg.subject")
    assert subjects(publications) == 4


def test_a_question_that_takes_too_long_is_ended(path: Path) -> None:
    publish(path, only="ecg.subject")
    publications = Publications(path)
    with publications.latest() as publication:
        with pytest.raises(TooSlow, match=r"more than 0\.1 s"), publication.query_session(0.1) as con:
            con.execute("select count(*) from range(1000000) a, range(1000000) b where hash(a.range, b.range) % 7 = 1")
        with publication.query_session(10) as con:
            assert con.execute("select 1").fetchall() == [(1,)]


def test_what_is_not_published_is_named(path: Path) -> None:
    publish(path, without="wearable")
    publications = Publications(path)
    for asked, said in (
        ("ecg.nothing", "nothing is not published yet: run `vitalhouse build` first"),
        ("wearable.adherence", r"wearable\.adherence is not published yet"),
        ("(select nothing from ecg.run)", "another version published this .* run `vitalhouse build` again"),
    ):
        with (
            pytest.raises(NotThere, match=said),
            publications.latest() as publication,
            publication.query_session(10) as con,
        ):
            con.execute(f"from {asked}")


def test_a_question_reaches_no_other_file_and_changes_nothing(path: Path, tmp_path: Path) -> None:
    publish(path)
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with Publications(path).latest() as publication, publication.query_session(10) as con:
        for sql in (
            f"select * from read_csv('{tmp_path}/secret.csv')",
            f"attach '{tmp_path}/other.duckdb'",
            "set enable_external_access = true",
            "delete from ecg.subject",
        ):
            with pytest.raises(duckdb.Error):
                con.execute(sql)
