from __future__ import annotations

from pathlib import Path

import pytest
from comfyui_sinddm_rs.errors import InputError
from comfyui_sinddm_rs.evaluation.rating_page import RatedEdit
from comfyui_sinddm_rs.evaluation.ratings import (
    Agreement,
    Rating,
    agreement,
    read_ratings,
    summarise,
    summarise_methods,
)

HEADER = "rater,code,fidelity,quality,seconds\n"
CODES = {"c1": "flood/ours", "c2": "flood/other", "c3": "fire/ours"}

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part C to E: 4 observers, 12 units; ordinal 0.815.
PUBLISHED = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str | bytes, name: str = "ada.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def rated(key: str, method: str, prompt: str) -> RatedEdit:
    return RatedEdit(key, Path("source.png"), Path("edit.png"), prompt, method)


EDITS = [
    rated("flood/ours", "ours", "a flood"),
    rated("flood/other", "other", "a flood"),
    rated("fire/ours", "ours", "a fire"),
    rated("fire/other", "other", "a fire"),
]


def test_a_file_of_the_page_is_read(file):
    path = file(HEADER + '"Ada ""A"", L.",c1,4,5,12.5\n"Ada ""A"", L.",c3,1,2,0\n')
    assert read_ratings([path], CODES) == [
        Rating('Ada "A", L.', "flood/ours", 4, 5, 12.5),
        Rating('Ada "A", L.', "fire/ours", 1, 2, 0.0),
    ]


def test_what_a_spreadsheet_does_to_a_file_is_borne(file):
    path = file(b"\xef\xbb\xbfcode,rater,seconds,quality,fidelity\r\nc1, Zo\xc3\xab ,3,5,4\r\n\r\n")
    assert read_ratings([str(path)], CODES) == [Rating("Zoë", "flood/ours", 4, 5, 3.0)]


def test_several_files_are_joined_and_a_rating_handed_in_twice_counts_once(file):
    paths = [
        file(HEADER + "Ada,c1,4,5,1\nBob,c1,3,3,1\n", "first.csv"),
        file(HEADER + "Ada,c1,4,5,9\nAda,c2,1,1,2\n", "second.csv"),
    ]
    assert read_ratings(paths, CODES) == [
        Rating("Ada", "flood/ours", 4, 5, 9.0),
        Rating("Bob", "flood/ours", 3, 3, 1.0),
        Rating("Ada", "flood/other", 1, 1, 2.0),
    ]


def test_two_answers_of_one_rater_are_refused_with_both_places(file):
    paths = [file(HEADER + "Ada,c1,4,5,1\n", "first.csv"), file(HEADER + "Ada,c2,4,5,1\nAda,c1,4,4,1\n", "second.csv")]
    with pytest.raises(
        InputError, match=r"second\.csv, line 3: Ada rated this edit differently in .*first\.csv, line 2"
    ):
        read_ratings(paths, CODES)
    # An edit may have two codes, one of each page.
    path = file(HEADER + "Ada,c1,4,5,1\nAda,d1,1,5,1\n")
    with pytest.raises(InputError, match="line 3: Ada rated this edit differently"):
        read_ratings([path], CODES | {"d1": "flood/ours"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"ada\.csv, line 1: the columns are missing, not rater,code"),
        ("rater,code,fidelity,quality\nAda,c1,1,1\n", "line 1: the columns are rater,code,fidelity,quality, not"),
        (HEADER.replace(",", ";") + "Ada;c1;1;1;1\n", "line 1: the columns are rater;code;"),
        (HEADER, r"ada\.csv holds no ratings; leave it out"),
        (HEADER + "Ada,c1,1,1\n", "line 2: there are 4 values, not 5"),
        (HEADER + "Ada,c1,1,1,1\n\nAda,c2,6,1,1\n", "line 4: the fidelity is '6', not a whole number of 1 to 5"),
        (HEADER + "Ada,c1,1,0,1\n", "line 2: the quality is '0'"),
        (HEADER + "Ada,c1,1,2.5,1\n", "line 2: the quality is '2.5'"),
        (HEADER + "Ada,c1,,2,1\n", "line 2: the fidelity is ''"),
        (HEADER + "Ada,c1,1,2,-1\n", "line 2: the seconds are '-1'"),
        (HEADER + "Ada,c1,1,2,nan\n", "line 2: the seconds are 'nan'"),
        (HEADER + "Ada,c1,1,2,inf\n", "line 2: the seconds are 'inf'"),
        (HEADER + "Ada,c1,1,2,soon\n", "line 2: the seconds are 'soon'"),
        (HEADER + "Ada,c9,1,2,1\n", "line 2: the code 'c9' is not of this rating page"),
        (HEADER + " ,c1,1,2,1\n", "line 2: the rater has no name"),
        (HEADER + '"Ada,c1,1,2,1\n', "line 2: this is not CSV"),
        (HEADER.encode() + b"Zo\xeb,c1,1,2,1\n", r"ada\.csv is not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_right_is_refused_in_one_sentence(file, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read_ratings([file(text)], CODES)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv cannot be read"):
        read_ratings([tmp_path / "gone.csv"], CODES)


def test_means_are_of_each_prompt_and_method_in_the_order_of_the_edits():
    ratings = [Rating("Ada", "fire/ours", 4, 2, 1.0), Rating("Ada", "flood/ours", 5, 4, 1.0)]
    first, second = summarise(ratings, EDITS)
    assert (first.prompt, first.method, first.raters, first.ratings) == ("a flood", "ours", 1, 1)
    assert (second.prompt, second.method, second.score.mean) == ("a fire", "ours", 3.0)
    assert (first.fidelity.mean, first.quality.mean, first.score.mean) == (5.0, 4.0, 4.5)
    assert first.score.low is None and first.score.high is None


def test_the_interval_is_students_over_raters():
    ratings = [Rating(rater, "flood/ours", value, 3, 1.0) for rater, value in zip("abcd", (2, 3, 3, 4), strict=True)]
    (row,) = summarise(ratings, EDITS)
    # t(0.975; 3) = 3.18245, standard deviation 0.81650 of 4 raters
    assert row.fidelity.mean == 3.0 and row.raters == row.ratings == 4
    assert row.fidelity.high == pytest.approx(3.0 + 3.18245 * 0.81650 / 2, abs=1e-4)
    assert row.fidelity.low == pytest.approx(3.0 - 3.18245 * 0.81650 / 2, abs=1e-4)
    assert (row.quality.low, row.quality.high) == (3.0, 3.0)


def test_the_interval_stays_on_the_scale():
    (row,) = summarise([Rating("a", "flood/ours", 1, 5, 1.0), Rating("b", "flood/ours", 2, 4, 1.0)], EDITS)
    assert row.fidelity.low == 1.0 and row.quality.high == 5.0


def test_each_rater_counts_once_however_many_edits_they_rated():
    twice = [rated("seed 1", "ours", "a flood"), rated("seed 2", "ours", "a flood")]
    ratings = [Rating("a", "seed 1", 5, 5, 1.0), Rating("a", "seed 2", 3, 5, 1.0), Rating("b", "seed 1", 2, 5, 1.0)]
    (row,) = summarise(ratings, twice)
    assert (row.fidelity.mean, row.raters, row.ratings) == (3.0, 2, 3)


def test_a_method_is_averaged_over_its_prompts():
    ratings = [
        Rating("Ada", "flood/ours", 5, 5, 1.0),
        Rating("Ada", "fire/ours", 3, 3, 1.0),
        Rating("Ada", "fire/other", 1, 2, 1.0),
    ]
    ours, other = summarise_methods(ratings, EDITS)
    assert (ours.prompt, ours.method, ours.score.mean, ours.ratings) == (None, "ours", 4.0, 2)
    assert (other.method, other.score.mean) == ("other", 1.5)
    assert summarise_methods([], EDITS) == []


def test_a_rating_of_another_edit_is_refused():
    with pytest.raises(InputError, match="'snow/ours' was rated but is not among the edits"):
        summarise([Rating("Ada", "snow/ours", 1, 1, 1.0)], EDITS)


def answers(rows: tuple[str, ...]) -> list[Rating]:
    """Rows of raters, columns of edits, '.' where there is no answer; quality is fidelity turned round."""
    return [
        Rating(f"rater {i}", f"edit {k}", int(value), 6 - int(value), 1.0)
        for i, row in enumerate(rows)
        for k, value in enumerate(row)
        if value != "."
    ]


def test_alpha_is_that_of_the_published_example():
    found = agreement(answers(PUBLISHED))
    assert found.fidelity == pytest.approx(0.815, abs=5e-4)
    assert found.quality == pytest.approx(0.815, abs=5e-4)  # a scale turned round keeps its order


@pytest.mark.parametrize(("rows", "alpha"), [(("12345", "12345"), 1.0), (("15", "51"), -0.5)])
def test_alpha_of_full_and_of_contrary_answers(rows, alpha):
    assert agreement(answers(rows)) == Agreement(pytest.approx(alpha), pytest.approx(alpha))


@pytest.mark.parametrize("rows", [(), ("12345",), ("12...", "..345"), ("333", "333"), ("3331", "333.")])
@pytest.mark.filterwarnings("error")
def test_alpha_is_none_where_it_is_not_defined(rows):
    assert agreement(answers(rows)) == Agreement(None, None)
