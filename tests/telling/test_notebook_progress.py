"""How far a run is, in a notebook: a bar in its place while it lasts, a line when it is over."""

import re

import pytest

CELLS = (
    """
import time
import numpy as np
import xgrad

def slow(xp, x):
    time.sleep(0.2)
    return xp.sum(xp.sin(x))

xgrad.check(slow, {"x": np.ones(2)}, methods="numpy.differences", dtypes="float64").shape
""",
    """
def quick(xp, x):
    return xp.sum(xp.sin(x))

xgrad.check(quick, {"x": np.ones(2)}, methods="numpy.differences", dtypes="float64").shape
""",
    """
@xgrad.case(wrt="x")
def slower(xp, x):
    time.sleep(0.2)
    return xp.sum(xp.sin(x))

@slower.inputs
def draw(rng):
    return {"x": rng.normal(size=2)}

xgrad.run(slower, methods="numpy.differences").shape
""",
    """
from xgrad.telling import notebook_progress
try:
    with notebook_progress(2) as tell:
        tell(1, "sine")
        time.sleep(2.5)
        raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
""",
)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A notebook that was executed, and the texts of what its bars showed meanwhile."""
    client = pytest.importorskip("nbclient", reason="nbclient is not installed: xgrad[test]")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: xgrad[test]")
    from nbformat import v4

    shown = []

    class Client(client.NotebookClient):
        def process_message(self, message, cell, index):
            if message["msg_type"] in ("display_data", "update_display_data"):
                shown.append((index, message["content"]["data"]))
            return super().process_message(message, cell, index)

    made = v4.new_notebook(cells=[v4.new_code_cell(text) for text in CELLS])
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}}
    Client(made, timeout=300, kernel_name="python3", resources=place).execute()
    return made, shown


def texts(cell):
    return [o["data"]["text/plain"] for o in cell.outputs if "data" in o]


def test_a_bar_is_shown_in_its_place_and_ends_as_a_line(notebook):
    made, shown = notebook
    line, result = texts(made.cells[0])
    assert re.fullmatch(r"1 cell in \d+ s", line)
    assert result == "(1, 25)"
    first = [data for index, data in shown if index == 0]
    assert any("slow, gradient numpy.differences float64" in d["text/plain"] for d in first[:-1])
    assert "width:0%" in first[0]["text/html"]


def test_a_run_of_cases_shows_the_cells_that_are_done(notebook):
    made, shown = notebook
    assert re.fullmatch(r"2 cells in \d+ s", texts(made.cells[2])[0])
    during = [data["text/plain"] for index, data in shown if index == 2][:-1]
    assert any(
        re.fullmatch(r"1 of 2 cells, about .* left: slower small float64", t) for t in during
    )


def test_what_is_quick_shows_nothing(notebook):
    assert texts(notebook[0].cells[1]) == ["(1, 25)"]


def test_the_page_that_nbconvert_makes_has_the_line_and_no_bar(notebook):
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed: xgrad[test]")
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook[0])
    assert len(re.findall(r"1 cell in \d+ s", html)) == 1
    assert "width:0%" not in html


def test_a_bar_that_is_stopped_says_how_far_it_came(notebook):
    told = texts(notebook[0].cells[3])
    assert [re.sub(r"\d+ s", "3 s", text) for text in told] == ["stopped after 1 of 2 cells, 3 s"]
