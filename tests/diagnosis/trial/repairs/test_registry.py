"""The closed list: every code of a finding has a repair, or a reason why there is none."""

import re
from pathlib import Path

import pytest

import fivefold.diagnosis.checks as checks
from fivefold.diagnosis.trial.code import Code, Unsure
from fivefold.diagnosis.trial.repairs.registry import NOT_FOR_AN_EDIT, REPAIRS

PLAIN = "import torch\nimport torch.nn as nn\nx = 1\n"


def test_codes_are_in_one_of_the_two_lists() -> None:
    assert not set(REPAIRS) & set(NOT_FOR_AN_EDIT)
    texts = [p.read_text() for p in Path(checks.__file__).parent.glob("*.py")]
    known = {c for text in texts for c in re.findall(r'^\s+"([a-z]+\.[a-z-]+)",$', text, re.M)}
    assert len(known) > 40
    assert not known - set(REPAIRS) - set(NOT_FOR_AN_EDIT)


def test_no_repair_changes_a_script_that_has_nothing_of_it(found) -> None:
    for code, repairer in REPAIRS.items():
        with pytest.raises(Unsure, match=r"\w"):
            print(code, repairer(Code(PLAIN), found(code)))
