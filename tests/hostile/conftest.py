"""Runs every test of this folder that takes ``case`` once for each case of the registry."""

import importlib.util
from pathlib import Path

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    spec = importlib.util.spec_from_file_location("hostile_cases", Path(__file__).with_name("cases.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stages = getattr(metafunc.function, "stages", {"read", "fit", "predict"})
    cases = [case for case in module.CASES if case.stage in stages]
    metafunc.parametrize("case", cases, ids=[case.name for case in cases])
