"""The store: whole states or none."""

import pytest
import torch

from fivefold.tasks.images.design.weight_store import WeightStore


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path):
    return WeightStore(None if request.param == "memory" else tmp_path / "weights")


def state(number):
    return {"w": torch.full((2, 3), float(number)), "count": torch.tensor(number)}


def test_states_come_back_and_are_copies(store):
    given = state(1)
    store.write("R:basic:8:1|P:max", given)
    given["w"].zero_()
    found = store.read("R:basic:8:1|P:max")
    assert torch.equal(found["w"], state(1)["w"])
    assert found["count"].dtype == torch.int64
    assert store.read("D:4:1") is None


def test_a_later_state_replaces_the_one_before(store):
    store.write("D:4:1", state(1))
    store.write("D:4:1", state(2))
    assert store.read("D:4:1")["count"] == 2


def test_only_what_is_to_be_kept_is(store):
    for key in ("D:4:1", "D:4:2", "D:4:3"):
        store.write(key, state(1))
    store.keep({"D:4:2", "D:9:9"})
    assert [store.read(key) is not None for key in ("D:4:1", "D:4:2", "D:4:3")] == [False, True, False]


@pytest.mark.parametrize("damage", ["cut", "noise", "nan"])
def test_a_damaged_file_is_taken_for_none(tmp_path, damage):
    store = WeightStore(tmp_path)
    store.write("D:4:1", {"w": torch.full((3,), float("nan"))} if damage == "nan" else state(1))
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    if damage != "nan":
        file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"\xff" * len(data))
    assert store.read("D:4:1") is None


def test_what_a_kill_left_is_removed(tmp_path):
    (tmp_path / "a.1.part").write_bytes(b"half")
    store = WeightStore(tmp_path)
    assert list(tmp_path.iterdir()) == []
    store.write("D:4:1", state(1))
    assert [file.suffix for file in tmp_path.iterdir()] == [".safetensors"]
