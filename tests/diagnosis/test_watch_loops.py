"""Loops of many kinds: the bits are those without watching, and each is seen for what it is."""

import copy
import io
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

import fivefold as ff
from fivefold.diagnosis.watch import Watch

Start = Callable[[Any, Any], None]
X = torch.randn(128, 8, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] > 0).long() + (X[:, 1] > 0).long()
TOKENS = torch.randint(20, (128, 6), generator=torch.Generator().manual_seed(3))


def network(drop: float = 0.2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(drop), nn.Linear(16, 3))


def loop(call: Any, optimizer: Any, steps: int = 4) -> None:
    for _ in range(steps):
        rows = torch.randint(128, (32,))
        optimizer.zero_grad()
        functional.cross_entropy(call(X[rows]), Y[rows]).backward()
        optimizer.step()


def compiled(start: Start) -> list[nn.Module]:
    torch._dynamo.reset()
    net = network()
    outer = torch.compile(net, backend="eager")
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(outer, optimizer)
    loop(outer, optimizer)
    return [net]


def compiled_afterwards(start: Start) -> list[nn.Module]:
    torch._dynamo.reset()
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    loop(torch.compile(net, backend="eager", fullgraph=True), optimizer)
    return [net]


def lower_precision(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    start(net, optimizer)
    scaler = torch.amp.GradScaler("cpu")
    for _ in range(4):
        rows = torch.randint(128, (32,))
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = functional.cross_entropy(net(X[rows]), Y[rows])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return [net]


def fused_scaling(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, fused=True)
    start(net, optimizer)
    scaler = torch.amp.GradScaler("cpu")
    for _ in range(4):
        rows = torch.randint(128, (32,))
        optimizer.zero_grad()
        scaler.scale(functional.cross_entropy(net(X[rows]), Y[rows])).backward()
        scaler.step(optimizer)
        scaler.update()
    return [net]


def accumulated(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    for _ in range(4):
        optimizer.zero_grad()
        for rows in torch.randint(128, (3, 16)):
            (functional.cross_entropy(net(X[rows]), Y[rows]) / 3).backward()
        optimizer.step()
    return [net]


def two_optimizers(start: Start) -> list[nn.Module]:
    net = network()
    both = [torch.optim.Adam(net[:3].parameters()), torch.optim.SGD(net[3:].parameters(), lr=0.1)]
    start(net, both)
    for _ in range(4):
        rows = torch.randint(128, (32,))
        net.zero_grad()
        functional.cross_entropy(net(X[rows]), Y[rows]).backward()
        for optimizer in both:
            optimizer.step()
    return [net]


def closures(start: Start) -> list[nn.Module]:
    net = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=4)
    start(net, optimizer)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(X), Y)
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
    return [net]


def sparse(start: Start) -> list[nn.Module]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(20, 6, sparse=True), nn.Linear(6, 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.table(x).mean(1))

    net = Model()
    both = [torch.optim.SparseAdam(net.table.parameters()), torch.optim.Adam(net.head.parameters())]
    start(net, both)
    for _ in range(4):
        rows = torch.randint(128, (32,))
        net.zero_grad()
        functional.cross_entropy(net(TOKENS[rows]), TOKENS[rows, 0] % 3).backward()
        for optimizer in both:
            optimizer.step()
    return [net]


def several_calls(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    for _ in range(4):
        a, b = torch.randint(128, (2, 32))
        optimizer.zero_grad()
        apart = (net(X[a]) - net(X[b])).square().mean()
        (functional.cross_entropy(net(X[a]), Y[a]) + 0.1 * apart).backward()
        optimizer.step()
    return [net]


def frozen_backbone(start: Start) -> list[nn.Module]:
    net = network()
    net[0].requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.01)
    start(net, optimizer)
    loop(net, optimizer)
    return [net]


def adversarial(start: Start) -> list[nn.Module]:
    g = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))
    d = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.LeakyReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
    of_g, of_d = torch.optim.Adam(g.parameters()), torch.optim.SGD(d.parameters(), lr=0.01)
    start({"g": g, "d": d}, [of_g, of_d])
    for _ in range(4):
        made = g(torch.randn(32, 4))
        played = -d(made).mean()  # a graph that outlives the critic's own backward pass
        judged = d(made.detach()).mean() - d(X[torch.randint(128, (32,))]).mean()
        of_d.zero_grad()
        judged.backward(retain_graph=True)
        of_g.zero_grad()
        played.backward()
        of_d.step()
        of_g.step()
    return [g, d]


def checkpointed(reentrant: bool) -> Callable[[Start], list[nn.Module]]:
    def run(start: Start) -> list[nn.Module]:
        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
                self.inner = nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.2), nn.ReLU())

            def forward(self, x: Any) -> Any:
                return self.last(checkpoint(self.inner, self.first(x), use_reentrant=reentrant))

        net = Model()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        start(net, optimizer)
        loop(net, optimizer)
        return [net]

    return run


def functional_transform(start: Start) -> list[nn.Module]:
    net = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)

    def loss(weights: Any, x: Any, y: Any) -> Any:
        return functional.cross_entropy(torch.func.functional_call(net, weights, (x[None],)), y[None])

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    for _ in range(4):
        rows = torch.randint(128, (16,))
        named = dict(net.named_parameters())
        found = each({k: p.detach() for k, p in named.items()}, X[rows], Y[rows])
        for key, p in named.items():
            p.grad = found[key].mean(0)
        optimizer.step()
    return [net]


def partly_meta(start: Start) -> list[nn.Module]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.never = network(), nn.Linear(4, 4, device="meta")

        def forward(self, x: Any) -> Any:
            return self.inner(x)

    net = Model()
    optimizer = torch.optim.Adam(net.inner.parameters(), lr=0.01)
    start(net, optimizer)
    loop(net, optimizer)
    return [net.inner]


def parametrised(start: Start) -> list[nn.Module]:
    net = network()
    nn.utils.parametrizations.weight_norm(net[0])
    nn.utils.parametrizations.spectral_norm(net[4])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    loop(net, optimizer)
    return [net]


def lazy(start: Start) -> list[nn.Module]:
    net = nn.Sequential(nn.LazyLinear(16), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    start(net, optimizer)
    loop(net, optimizer)
    return [net]


def copied(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    keys = list(net.state_dict())
    start(net, optimizer)
    loop(net, optimizer, 2)
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    file = io.BytesIO()
    torch.save(net, file)
    assert b"fivefold" not in file.getvalue()
    assert list(net.state_dict()) == keys
    for twin in twins:
        twin(X)
        held = [value for module in twin.modules() for value in vars(module).values()]
        assert not any(type(value).__module__.startswith("fivefold") for value in held)
    loop(net, optimizer, 2)
    return [net, *twins]


def scripted_meanwhile(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    loop(net, optimizer, 2)
    for made in (torch.jit.script(net), torch.jit.script(net[0]), torch.jit.trace(net[0], X)):
        made(X)
    loop(net, optimizer, 2)
    return [net]


def scripted(start: Start) -> list[nn.Module]:
    net = torch.jit.script(network())
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    loop(net, optimizer)
    return [net]


def writing(start: Start) -> list[nn.Module]:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.calls, self.cache = network(), 0, []

        def forward(self, x: Any) -> Any:
            self.calls += 1
            self.cache.append(float(x.mean()))
            return self.inner(x) * (1 + 0.01 * self.calls + 1e-3 * len(self.cache))

    net = Model()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    loop(net, optimizer)
    assert net.calls == len(net.cache) == 4
    return [net]


def hooked(start: Start) -> list[nn.Module]:
    net = network()
    kept: list[Any] = []
    backwards: list[int] = []
    gone = net.register_forward_hook(lambda *given: None)
    net[2].register_forward_hook(lambda module, args, output: kept.append(output))
    net[4].register_full_backward_hook(lambda *given: backwards.append(1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    later = net.register_forward_pre_hook(lambda *given: None)
    gone.remove()
    for _ in range(4):
        rows = torch.randint(128, (32,))
        optimizer.zero_grad()
        out = net(X[rows])
        (functional.cross_entropy(out, Y[rows]) + 1e-3 * sum(k.square().mean() for k in kept)).backward()
        kept.clear()
        optimizer.step()
    later.remove()
    assert len(backwards) == 4
    return [net]


class Passing(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def modes(start: Start) -> list[nn.Module]:
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    for _ in range(4):
        rows = torch.randint(128, (32,))
        optimizer.zero_grad()
        with Passing():  # ends while ours is on the stack
            out = net(X[rows])
        with torch.device("cpu"):
            loss = functional.cross_entropy(out, Y[rows])
        loss.backward()
        optimizer.step()
    assert torch._C._len_torch_function_stack() == 0
    return [net]


def penalised(start: Start) -> list[nn.Module]:
    net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    start(net, optimizer)
    for _ in range(4):
        x = X[torch.randint(128, (32,))].clone().requires_grad_()
        out = net(x)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        optimizer.zero_grad()
        (out.square().mean() + (slope.norm(dim=1) - 1).square().mean()).backward()
        optimizer.step()
    return [net]


LOOPS: dict[str, Callable[[Start], list[nn.Module]]] = {
    "compiled": compiled,
    "compiled afterwards": compiled_afterwards,
    "lower precision": lower_precision,
    "fused scaling": fused_scaling,
    "accumulated": accumulated,
    "two optimizers": two_optimizers,
    "closures": closures,
    "sparse": sparse,
    "several calls": several_calls,
    "frozen backbone": frozen_backbone,
    "adversarial": adversarial,
    "checkpointed": checkpointed(False),
    "checkpointed, reentrant": checkpointed(True),
    "functional transform": functional_transform,
    "partly meta": partly_meta,
    "parametrised": parametrised,
    "lazy": lazy,
    "copied": copied,
    "scripted meanwhile": scripted_meanwhile,
    "scripted": scripted,
    "writing": writing,
    "hooked": hooked,
    "modes": modes,
    "penalised": penalised,
}
ONLY_UPDATES = {"compiled afterwards", "functional transform", "scripted"}


def bits(nets: list[nn.Module]) -> list[torch.Tensor]:
    return [v.clone() for net in nets for v in net.state_dict().values()] + [torch.get_rng_state()]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", LOOPS)
def test_the_bits_are_those_without_watching(name: str) -> None:
    torch.manual_seed(0)
    alone = bits(LOOPS[name](lambda model, optimizer: None))
    seen: list[Watch] = []
    torch.manual_seed(0)
    nets = LOOPS[name](lambda model, optimizer: seen.append(ff.watch(model, optimizer, every=1, deep=True)))
    assert all(torch.equal(a, b) for a, b in zip(alone, bits(nets), strict=True))
    record = seen[0].record
    assert len(record.steps) == record.count >= 4
    said = " ".join(record.notes)
    with seen[0]:
        said = " ".join(seen[0].findings().notes)
    # The checks and the end leave everything as it was, too.
    assert all(torch.equal(a, b) for a, b in zip(alone, bits(nets), strict=True))
    kept = [m for m in nets[0].modules() if len(m._forward_hooks)]
    assert not kept or name == "hooked"
    assert torch._C._len_torch_function_stack() == 0
    if name in ONLY_UPDATES:
        assert "was seen" in said or "cannot be seen" in said
        assert not record.tapes
    else:
        assert record.no_tape == ""
        assert record.tapes
        assert all(s.loss == s.loss for s in record.steps[:1])
        assert record.deep, said


def record_of(name: str) -> Any:
    seen: list[Watch] = []
    torch.manual_seed(0)
    LOOPS[name](lambda model, optimizer: seen.append(ff.watch(model, optimizer, every=1)))
    seen[0].close()
    return seen[0].record


def test_a_scaled_loss_is_seen_as_it_was_before() -> None:
    for name in ("lower precision", "fused scaling"):
        record = record_of(name)
        for step in record.steps:
            assert step.loss == pytest.approx(step.losses[0].value, rel=1e-6)
            assert step.line.own[0] == pytest.approx(step.loss, rel=0.02)
            assert 0.01 < step.gradient < 10
        assert record.first_nonfinite is None


def test_a_closure_is_seen_within_its_update() -> None:
    record = record_of("closures")
    assert all(s.backwards >= 1 and s.training and not s.stale for s in record.steps)
    assert all(p.gradient is not None for s in record.steps for p in s.parameters)
    assert not any(s.forward_after_backward for s in record.steps)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_what_is_computed_again_is_not_seen_again() -> None:
    for name in ("checkpointed", "checkpointed, reentrant"):
        record = record_of(name)
        assert not record.evaluations
        assert not any(s.forward_after_backward for s in record.steps)
        names = [layer.name for layer in record.steps[-1].layers]
        assert len(names) == len(set(names))


def test_lazy_layers_have_first_weights() -> None:
    assert [w.name for w in record_of("lazy").first_weights] == ["0", "3"]


def test_a_hook_that_changes_what_a_module_gives_is_said() -> None:
    net = network()
    net[2].register_forward_hook(lambda module, args, output: 2 * output)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    seen = ff.watch(net, optimizer, every=1)
    loop(net, optimizer)
    seen.close()
    assert "hooks of the script's change" in seen.record.no_tape
    assert all(s.line is None for s in seen.record.steps)


def test_an_error_inside_the_model_leaves_everything_in_order() -> None:
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with ff.watch(net, optimizer, every=1) as seen:
        loop(net, optimizer, 2)
        with pytest.raises(RuntimeError):
            net(torch.ones(2, 5))
        loop(net, optimizer, 2)
    assert [s.backwards for s in seen.record.steps] == [1] * 4
    assert len(seen.record.steps[-1].layers) == 5
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())


def test_thousands_of_modules() -> None:
    inside = [nn.Sequential(nn.Linear(4, 4), nn.Identity()) for _ in range(600)]
    net = nn.Sequential(*inside, nn.Linear(4, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    seen = ff.watch(net, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        functional.cross_entropy(net(X[:16, :4]), Y[:16]).backward()
        optimizer.step()
    seen.close()
    assert len(seen.record.steps[0].layers) == 1201


DISTRIBUTED = """
import hashlib, os, sys
import torch, torch.distributed as dist
from torch import nn
import fivefold as ff

rank, watched, store = int(sys.argv[1]), sys.argv[2] == "1", sys.argv[3]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3))
net = nn.parallel.DistributedDataParallel(net)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
seen = ff.watch(net, optimizer, every=1 + rank, deep=rank == 0) if watched else None
torch.manual_seed(rank)
for _ in range(4):
    x = torch.randn(16, 6)
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x), (x[:, 0] > 0).long()).backward()
    optimizer.step()
if seen is not None:
    seen.close()
    assert len(seen.record.steps) == 4 // (1 + rank), seen.record.steps
    assert all(s.line is not None for s in seen.record.steps), seen.record.no_tape
    assert len(seen.record.deep) == (4 if rank == 0 else 0)
weights = b"".join(v.numpy().tobytes() for v in net.state_dict().values())
print(hashlib.sha256(weights).hexdigest(), flush=True)
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # gloo's threads may abort a process that ends by itself (watched or not)
"""


def test_on_two_processes_each_rank_is_watched_by_itself(tmp_path) -> None:
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(DISTRIBUTED))
    found = {}
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OMP_NUM_THREADS": "1",
    }
    runs = {}
    for watched in ("0", "1"):
        for rank in ("0", "1"):
            command = [sys.executable, str(script), rank, watched, str(tmp_path / f"store{watched}")]
            runs[watched, rank] = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
            )
    for key, process in runs.items():
        out, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
        found[key] = out.split()[-1]
    assert found["0", "0"] == found["1", "0"]
    assert found["0", "1"] == found["1", "1"]
