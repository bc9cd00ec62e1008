"""The verb: of a watched training, a module with data, a saved model, a script; and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import nn

import fivefold as ff
from fivefold.artifact import Bundle, save
from fivefold.core import ArgumentError, ArtifactError, DataError
from fivefold.diagnosis.findings import Findings


def rows(n: int = 128) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(1))
    return x, x[:, :1]


def test_of_a_watch() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = rows()
    with ff.watch(model, optimizer, every=1) as seen:
        for _ in range(6):
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()
    assert [f.code for f in ff.diagnose(seen)] == [f.code for f in seen.findings()]
    assert ff.diagnose(seen)[0].code == "gradient.accumulates"


def test_of_a_module_with_data_which_is_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    found = ff.diagnose((model, rows()), loss="squared", epochs=2, batch_size=16)
    assert isinstance(found, Findings)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert not model._forward_hooks
    assert torch.equal(torch.get_rng_state(), random)


def test_of_a_module_in_depth() -> None:
    x, y = rows()
    shallow, deep = (
        ff.diagnose((nn.Linear(4, 1), (x, y)), loss="squared", epochs=20, batch_size=16, deep=deep)
        for deep in (False, True)
    )
    assert any(note.startswith("in depth, at update") for note in deep.notes)
    assert not any("in depth" in note for note in shallow.notes)
    assert deep.record["trainings"][0]["series"]["deep"]["product"]


def test_of_a_saved_model(tmp_path: Path) -> None:
    save(tmp_path / "m", Bundle("fivefold.table", {"number": 1.0}, {}, {}))
    assert "keeps no record" in ff.diagnose(tmp_path / "m").notes[0]


def test_of_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("none.py").write_text("import sys\nopen('got', 'w').write(sys.argv[1])\n")
    found = ff.diagnose("none.py", args=["one"], budget="60s")
    assert len(found) == 0
    assert "no training loop was seen" in found.notes[0]
    assert Path("got").read_text() == "one"


@pytest.mark.parametrize(
    ("target", "settings", "error", "says"),
    [
        (3, {}, ArgumentError, "the path of a script"),
        ((nn.Linear(4, 1), rows()), {}, ArgumentError, "a loss beside a module"),
        ((rows(), nn.Linear(4, 1)), {}, ArgumentError, "the path of a script"),
        ("/nonexistent/train.py", {}, DataError, "no such file"),
        ("/nonexistent/model", {}, DataError, "a script or the folder of a saved model"),
        (Path(__file__).parent, {}, ArtifactError, "manifest.json"),
        (Path(__file__).parent, {"deep": True}, ArgumentError, "a script to look at in depth"),
        ("a.replay.safetensors", {"deep": True}, ArgumentError, "diagnose the script itself"),
        (ff.watch(), {"deep": True}, ArgumentError, "ask for it when it begins"),
        ((nn.Linear(4, 1), rows()), {"loss": "squared", "budget": "soon"}, ArgumentError, "a duration"),
    ],
)
def test_refused(target, settings, error, says: str) -> None:
    with pytest.raises(error, match=says):
        ff.diagnose(target, **settings)
