"""Things that people write in torch: certified, or found to be wrong, kinked or cut."""

import pytest
from certificates import certify
from torch_models import MODELS, made


@pytest.mark.parametrize("name", MODELS)
def test_what_people_write_is_found_to_be_what_it_is(name):
    function, tensors, verdict = made(name)
    found = certify(function, tensors)
    assert found.verdict == verdict, found


def test_a_number_that_cuts_is_named():
    function, tensors, _ = made("item in a result")
    assert ".item()" in certify(function, tensors).note
