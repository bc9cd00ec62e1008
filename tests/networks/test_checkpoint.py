"""Weights from files: what fits is taken whole, what does not is named, and nothing is half-written."""

import os
import re
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fivefold.core import ArgumentError, ArtifactError
from fivefold.networks.checkpoint import load_weights
from fivefold.networks.registry import create


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def resnet(seed, classes=5):
    return create("resnet20", classes=classes, generator=seeded(seed))


def contents(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one, two):
    return all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt", ".bin"])
def test_a_state_comes_back_whole(tmp_path, suffix):
    theirs, ours = resnet(1), resnet(2)
    file = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(theirs.state_dict(), file)
    loaded = load_weights(ours, file)
    assert same(contents(ours), contents(theirs))
    assert set(loaded.taken) == set(theirs.state_dict())
    assert loaded.left_out == loaded.passed_over == ()


@pytest.mark.parametrize("beginning", ["module.", "_orig_mod.", "model.module.", "layer1."])
def test_a_beginning_of_all_names_is_taken_off(tmp_path, beginning):
    theirs, ours = resnet(1), resnet(2)
    state = {beginning + name: value for name, value in theirs.state_dict().items()}
    torch.save({"net": state, "accuracy": 1.0}, tmp_path / "a.ckpt")
    load_weights(ours, tmp_path / "a.ckpt")
    assert same(contents(ours), contents(theirs))
    save_file({**state, "other": torch.zeros(1)}, tmp_path / "b.safetensors")
    with pytest.raises(ArgumentError, match=r"unknown to the network"):
        load_weights(ours, tmp_path / "b.safetensors")


def test_a_network_whose_own_names_have_one_beginning_keeps_it(tmp_path):
    ours, theirs = (nn.ModuleDict({"module": nn.Linear(2, 2)}) for _ in range(2))
    save_file(theirs.state_dict(), tmp_path / "a.safetensors")
    load_weights(ours, tmp_path / "a.safetensors")
    assert same(contents(ours), contents(theirs))


def test_of_several_states_none_is_guessed(tmp_path):
    state = resnet(1).state_dict()
    torch.save({"student": state, "teacher": state}, tmp_path / "a.pth")
    with pytest.raises(ArtifactError, match=r"one state dictionary in a\.pth; got several: student, teacher"):
        load_weights(resnet(2), tmp_path / "a.pth")


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_a_state_inside_a_checkpoint_is_found(tmp_path, wrapper):
    theirs, ours = resnet(1), resnet(2)
    torch.save({"epoch": 3, wrapper: theirs.state_dict()}, tmp_path / "a.pth")
    load_weights(ours, tmp_path / "a.pth")
    assert same(contents(ours), contents(theirs))


def test_old_files_without_counters_of_batches_fit(tmp_path):
    theirs, ours = resnet(1), resnet(2)
    state = {k: v for k, v in theirs.state_dict().items() if not k.endswith("num_batches_tracked")}
    save_file(state, tmp_path / "a.safetensors")
    assert set(load_weights(ours, tmp_path / "a.safetensors").taken) == set(state)


def test_another_head_is_left_out_on_request_and_named_otherwise(tmp_path):
    theirs, ours = resnet(1, classes=7), resnet(2)
    save_file(theirs.state_dict(), tmp_path / "a.safetensors")
    before = contents(ours)
    with pytest.raises(ArgumentError, match=r"2 of another shape: fc.weight \[7, 64\] instead of \[5, 64\]"):
        load_weights(ours, tmp_path / "a.safetensors")
    assert same(contents(ours), before)
    loaded = load_weights(ours, tmp_path / "a.safetensors", leave_out=["fc."])
    assert loaded.left_out == loaded.passed_over == ("fc.bias", "fc.weight")
    assert torch.equal(ours.fc.weight, before["fc.weight"])
    assert torch.equal(ours.conv1.weight, theirs.conv1.weight)


def test_every_mismatch_is_counted_and_named_and_nothing_is_written(tmp_path):
    ours = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    before = contents(ours)
    state = {"0.weight": torch.ones(3, 2), "0.bias": torch.ones(2), "head.weight": torch.ones(1)}
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(ArgumentError) as caught:
        load_weights(ours, tmp_path / "a.safetensors")
    text = str(caught.value)
    assert "2 missing in the file: 1.weight, 1.bias" in text
    assert "1 unknown to the network: head.weight" in text
    assert "1 of another shape: 0.weight [3, 2] instead of [2, 3]" in text
    assert same(contents(ours), before)


def test_a_beginning_that_nothing_has_is_refused(tmp_path):
    save_file({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(ArgumentError, match="beginnings of names in leave_out"):
        load_weights(nn.Linear(2, 2), tmp_path / "a.safetensors", leave_out=["classifier"])


def test_a_plain_string_is_one_beginning(tmp_path):
    theirs, ours = resnet(1), resnet(2)
    save_file(theirs.state_dict(), tmp_path / "a.safetensors")
    assert load_weights(ours, tmp_path / "a.safetensors", leave_out="fc").left_out == ("fc.bias", "fc.weight")
    with pytest.raises(ArgumentError, match="got ''"):
        load_weights(ours, tmp_path / "a.safetensors", leave_out="")


def test_what_the_network_lacks_can_be_left_out_too(tmp_path):
    save_file(
        {"weight": torch.ones(2, 2), "bias": torch.ones(2), "aux1.weight": torch.ones(3)},
        tmp_path / "a.safetensors",
    )
    loaded = load_weights(nn.Linear(2, 2), tmp_path / "a.safetensors", leave_out=["aux1."])
    assert loaded.passed_over == ("aux1.weight",)


def test_auxiliary_classifiers_of_googlenet_are_passed_over(tmp_path):
    theirs, ours = (create("googlenet", classes=3, generator=seeded(s)) for s in (1, 2))
    heads = {f"{head}.fc2.{part}": torch.ones(3) for head in ("aux1", "aux2") for part in ("weight", "bias")}
    for beginning in ("", "module."):
        saved = {beginning + name: value for name, value in {**theirs.state_dict(), **heads}.items()}
        torch.save(saved, tmp_path / "a.pth")
        assert load_weights(ours, tmp_path / "a.pth").passed_over == tuple(sorted(heads))
        assert same(contents(ours), contents(theirs))
        ours = create("googlenet", classes=3, generator=seeded(2))
    assert load_weights(ours, tmp_path / "a.pth", leave_out=["aux1.", "aux2."]).passed_over  # as was needed
    torch.save({**theirs.state_dict(), "aux3.weight": torch.ones(3)}, tmp_path / "a.pth")
    with pytest.raises(ArgumentError, match=r"1 unknown to the network: aux3\.weight"):
        load_weights(ours, tmp_path / "a.pth")
    resnets = {**resnet(1).state_dict(), **heads}
    torch.save(resnets, tmp_path / "b.pth")
    with pytest.raises(ArgumentError, match="4 unknown to the network"):
        load_weights(resnet(2), tmp_path / "b.pth")


def test_old_names_of_densenet_are_renamed(tmp_path):
    theirs, ours = (create("densenet121", classes=3, generator=seeded(s)) for s in (1, 2))
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", k): v
        for k, v in theirs.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "a.pth")
    load_weights(ours, tmp_path / "a.pth")
    assert same(contents(ours), contents(theirs))


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (torch.ones(2, 2, dtype=torch.complex64), "complex instead of real"),
        (torch.ones(2, 2, dtype=torch.int8), "whole instead of real"),
        (torch.ones(2, 2, dtype=torch.bool), "whole instead of real"),
        (torch.ones(2, 2).to(torch.float8_e4m3fn), "real of 8 bits instead of real"),
        (torch.ones(2, 2).to_sparse(), "sparse or nested instead of real"),
    ],
)
def test_another_kind_of_numbers_is_refused_and_nothing_is_written(tmp_path, weight, said):
    ours = nn.Linear(2, 2)
    before = contents(ours)
    torch.save({"bias": torch.zeros(2), "weight": weight}, tmp_path / "a.pth")
    with pytest.raises((ArgumentError, ArtifactError), match=said):
        load_weights(ours, tmp_path / "a.pth")
    assert same(contents(ours), before)


def test_numbers_that_overflow_in_the_networks_type_are_refused(tmp_path):
    save_file({"bias": torch.zeros(2), "weight": torch.full((2, 2), 1e6)}, tmp_path / "a.safetensors")
    with pytest.raises(ArtifactError, match=r"finite as torch\.float16"):
        load_weights(nn.Linear(2, 2).half(), tmp_path / "a.safetensors")


def test_networks_that_cannot_hold_weights_are_refused(tmp_path):
    save_file({"bias": torch.zeros(2), "weight": torch.ones(2, 2)}, tmp_path / "a.safetensors")
    for network in (nn.Linear(2, 2, device="meta"), nn.LazyLinear(2)):
        with pytest.raises(ArgumentError, match="weights have memory"):
            load_weights(network, tmp_path / "a.safetensors")
    spread = nn.Linear(2, 2)
    spread.register_buffer("scale", torch.zeros(1).expand(3))
    with pytest.raises(ArgumentError, match="expanded"):
        load_weights(spread, tmp_path / "a.safetensors")


def test_a_shared_tensor_takes_one_set_of_numbers(tmp_path):
    tied = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    tied[1].weight = tied[0].weight
    torch.save({"0.weight": torch.ones(2, 2), "1.weight": torch.zeros(2, 2)}, tmp_path / "a.pth")
    for leave_out in ((), "1."):
        with pytest.raises(ArgumentError, match="unequal for one shared tensor"):
            load_weights(tied, tmp_path / "a.pth", leave_out=leave_out)
    torch.save({"0.weight": torch.ones(2, 2), "1.weight": torch.ones(2, 2)}, tmp_path / "a.pth")
    load_weights(tied, tmp_path / "a.pth")
    assert tied[1].weight.all()


def test_a_file_that_swells_is_refused_unread(tmp_path):
    torch.save({"weight": torch.zeros(2, 2), "bias": torch.zeros(300 << 18)}, tmp_path / "big.pth")
    with (
        zipfile.ZipFile(tmp_path / "big.pth") as stored,
        zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for entry in stored.namelist():
            packed.writestr(entry, stored.read(entry))
    assert (tmp_path / "a.pth").stat().st_size < 1 << 20
    with pytest.raises(ArtifactError, match=r"at most .* bytes of weights"):
        load_weights(nn.Linear(2, 2), tmp_path / "a.pth")


def test_names_from_a_file_are_printed_harmlessly(tmp_path):
    torch.save(
        {"\x1b[2J": torch.ones(1), "weight": torch.ones(2, 2), "bias": torch.ones(2)}, tmp_path / "a.pth"
    )
    with pytest.raises(ArgumentError) as caught:
        load_weights(nn.Linear(2, 2), tmp_path / "a.pth")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_before_anything_is_written(tmp_path, value):
    ours = nn.Linear(2, 2)
    before = contents(ours)
    save_file({"bias": torch.zeros(2), "weight": torch.full((2, 2), value)}, tmp_path / "a.safetensors")
    with pytest.raises(ArtifactError, match="numbers in weight of"):
        load_weights(ours, tmp_path / "a.safetensors")
    assert same(contents(ours), before)


class Hostile:
    """What a pickle could do: run a command when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path):
    mark = str(tmp_path / "ran")
    torch.save({"weight": Hostile(mark)}, tmp_path / "a.pth")
    with pytest.raises(ArtifactError, match="a file of tensors alone"):
        load_weights(nn.Linear(2, 2), tmp_path / "a.pth")
    assert not Path(mark).exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.safetensors", b"no such thing", "valid safetensors"),
        ("a.pth", b"no such thing", "a file of tensors alone"),
        ("a.npz", b"", r"a \.safetensors, \.pt, \.pth, \.ckpt or \.bin file"),
    ],
)
def test_another_file_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=said):
        load_weights(nn.Linear(2, 2), tmp_path / name)


def test_no_file_and_no_state_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"no file 'b\.pth'"):
        load_weights(nn.Linear(2, 2), tmp_path / "b.pth")
    torch.save([torch.ones(2)], tmp_path / "c.pth")
    with pytest.raises(ArtifactError, match="tensors by name"):
        load_weights(nn.Linear(2, 2), tmp_path / "c.pth")


def test_a_damaged_directory_of_the_archive_is_said(tmp_path):
    torch.save({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, tmp_path / "a.pth")
    data = bytearray((tmp_path / "a.pth").read_bytes())
    at = data.index(b"PK\x01\x02")  # the first entry of the central directory
    (tmp_path / "a.pth").write_bytes(data[:at] + b"XXXX" + data[at + 4 :])
    assert zipfile.is_zipfile(tmp_path / "a.pth")
    with pytest.raises(ArtifactError, match=r"a whole file of weights in a\.pth"):
        load_weights(nn.Linear(2, 2), tmp_path / "a.pth")
    data[at + 6] = 99  # written by a version that nobody has
    (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(ArtifactError, match="zip file version"):
        load_weights(nn.Linear(2, 2), tmp_path / "a.pth")
