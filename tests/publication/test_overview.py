"""The picture of a whole run: what a square's colour says, and where the picture is."""

import numpy as np
import pytest
import saved_runs as saved
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from xgrad.errors import UsageError
from xgrad.publication import publish
from xgrad.publication.cells import listed
from xgrad.publication.overview import COLOURS, FAINTEST, _squares, draw_overview
from xgrad.publication.reading import read_runs


def rows_of(folder, *rows):
    """The rows as the pages have them."""
    return listed(read_runs([saved.save(folder / "run", rows)])[-1])


def square(rows, case="problem", method="torch.reverse"):
    """Colour and opacity of one square."""
    made = _squares([r for r in rows if r["case"] == case], [method], [case])[0, 0]
    return tuple(made[:3]), made[3]


@pytest.mark.parametrize(
    ("worse", "style"),
    [({"verdict": "disagrees", "digits": 3.0}, "disagrees"),
     ({"status": "error", "verdict": ""}, "failed"),
     ({"verdict": "inconclusive"}, "inconclusive"), ({"verdict": "unstable"}, "unstable")],
)  # fmt: skip
def test_a_case_has_the_colour_of_its_worst_row(tmp_path, worse, style):
    right = saved.row(operator="hessian")
    colour, strength = square(rows_of(tmp_path, right, saved.row(**worse), right | {"seed": 1}))
    assert colour == pytest.approx(to_rgb(COLOURS[style]))
    assert strength == 1.0


def test_fewer_digits_are_paler_and_an_exact_zero_is_not(tmp_path):
    rows = [saved.row(f"case {digits}", digits=digits) for digits in (15.65, 12.0, 6.0)]
    made = rows_of(tmp_path, *rows, saved.row("zero", digits=np.nan, error=0.0))
    shades = [square(made, f"case {digits}")[1] for digits in (15.65, 12.0, 6.0)]
    assert shades == sorted(shades, reverse=True)
    assert shades[0] == 1.0
    assert shades[2] > FAINTEST
    assert square(made, "zero")[1] == 1.0


def test_what_a_method_was_not_asked_is_blank(tmp_path):
    made = rows_of(tmp_path, saved.row("here"), saved.row("there", framework="jax"))
    assert square(made, "there")[1] == 0.0
    absent = saved.row("gone", status="unsupported", verdict="", referee="")
    assert "1 agree" in draw_overview(rows_of(tmp_path / "more", saved.row("here"), absent))


def test_the_picture_is_a_file_of_its_own_and_on_the_pages_of_many_cases(tmp_path, many):
    run = saved.save(tmp_path / "run", saved.many_rows(cases=20, methods=8))
    file = tmp_path / "overview.png"
    assert publish([run], picture_file=file) == [file]
    picture = imread(file)
    assert picture.shape[1] == 1440
    green = np.isclose(picture[..., :3], to_rgb(COLOURS["agrees"]), atol=0.02).all(axis=-1)
    assert green.mean() > 0.01
    with pytest.raises(UsageError, match=r"picture ends in one of .*png"):
        publish([run], picture_file=tmp_path / "overview.txt")
    (index,) = many[0].glob("runs/*/index.html")
    for page in (index, many[0] / "index.html"):
        assert 'aria-label="Verdicts and digits of 100 cases by ' in page.read_text()


def test_nothing_judged_is_no_picture(tmp_path):
    nothing = saved.row(status="unavailable", verdict="", referee="")
    with pytest.raises(UsageError, match="rows with verdicts"):
        draw_overview(rows_of(tmp_path, nothing))
