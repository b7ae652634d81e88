"""Things that people write in torch: certified, or found to be wrong, kinked or cut."""

import numpy as np
import pytest
from reverse_mode import found, row_of
from torch_models import MODELS, made

from xgrad.numbers import ball, precision
from xgrad.programs import TorchProgram
from xgrad.referee import find_faults

ESCAPES = {"NumPy inside a function": ".numpy()", "item in a result": ".item()"}


@pytest.mark.many(12)
@pytest.mark.parametrize("name", MODELS)
def test_what_people_write_is_found_to_be_what_it_is(name):
    function, tensors, expected = made(name)
    row = row_of(function, *tensors)
    assert found(row) == expected
    assert ("not in balls: Escape" in row["message"]) == (name in ESCAPES)
    assert ESCAPES.get(name, "") in row["message"]


BLAMED = {
    "embedding that reads its padding": "aten.embedding (EmbeddingBackward0)",
    "cross entropy off by 1e-9": "CrossEntropy.backward",
    "RMS norm that forgets eps": "RMSNorm.backward",
    "SwiGLU off by 1e-12": "SwiGLU.backward",
    "GELU with another's derivative": "MixedGELU.backward",
    "straight through": "aten.add (AddBackward0)",
}


@pytest.mark.parametrize("name", [name for name in MODELS if name != "NumPy inside a function"])
def test_a_wrong_rule_is_named_and_a_right_one_never(name):
    function, tensors, _ = made(name)
    program = TorchProgram(function)
    with precision(384):
        x = [ball(t.detach().numpy()).data for t in tensors]
        w = [ball(np.linspace(0.5, 1.5, y.size).reshape(y.shape)).data for y in program.value(x)]
    faults = find_faults(program, x, w, np.random.default_rng(1))
    assert [fault.name for fault in faults] == ([BLAMED[name]] if name in BLAMED else [])
