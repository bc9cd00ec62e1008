"""The order of clearing, backward pass and update."""

import pytest

LOOP = """
    import torch
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    for x, y in data:
        loss = crit(net(x), y)
        loss.backward()
        opt.step()
    """


def test_gradients_are_cleared_before_the_one_backward_pass(repair) -> None:
    (text,) = repair("gradient.accumulates", LOOP)
    assert text.splitlines()[3:] == [
        "    loss = crit(net(x), y)",
        "    opt.zero_grad()",
        "    loss.backward()",
        "    opt.step()",
    ]


def test_with_several_backward_passes_they_are_cleared_after_the_update(repair) -> None:
    (text,) = repair(
        "gradient.accumulates", LOOP.replace("loss.backward()", "loss.backward(); other.backward()")
    )
    assert text.splitlines()[-1] == "    opt.zero_grad()"


def test_models_in_turn_are_cleared_before_the_passes_of_their_own(repair) -> None:
    text = """
    for x in data:
        loss_d = d(x) + d(g(x).detach())
        loss_d.backward()
        opt_d.step()
        loss_g = d(g(x))
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
    """
    (after,) = repair("gradient.accumulates", text)
    assert [line.strip() for line in after.splitlines()[2:6]] == [
        "opt_d.zero_grad()",
        "loss_d.backward()",
        "opt_d.step()",
        "loss_g = d(g(x))",
    ]
    assert after.count("zero_grad") == 2
    assert repair("gradient.accumulates", after)[0].startswith("unsure: gradients are cleared")


def test_a_scaler_steps_an_optimizer(repair) -> None:
    text = LOOP.replace("opt.step()", "scaler.step(opt)").replace(
        "loss.backward", "scaler.scale(loss).backward"
    )
    assert "    opt.zero_grad()\n    scaler.scale(loss).backward()" in repair("gradient.accumulates", text)[0]


def test_without_an_update_there_is_nothing_to_repair(repair) -> None:
    assert repair("gradient.accumulates", "loss.backward()\nscheduler.step()\n") == [
        "unsure: no call of an optimizer's step() was found"
    ]
    assert repair("step.before-backward", "x = 1\n")[0].startswith("unsure: backward() and step()")


CLEAR, BACK, STEP, CLIP = "opt.zero_grad()", "loss.backward()", "opt.step()", "clip_grad_norm_(p, 1)"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([CLEAR, STEP, BACK], [CLEAR, BACK, STEP]),
        ([STEP, BACK, CLIP], [BACK, CLIP, STEP]),
        ([BACK, CLEAR, STEP], [CLEAR, BACK, STEP]),
    ],
)
def test_the_order_is_restored(repair, lines: list[str], expected: list[str]) -> None:
    text = "for x in data:\n    loss = f(x)\n" + "".join(f"    {line}\n" for line in lines)
    (after,) = repair("step.before-backward", text)
    assert [line.strip() for line in after.splitlines()[2:]] == expected


def test_the_right_order_is_left(repair) -> None:
    assert repair("step.before-backward", LOOP)[0].startswith("unsure")


EPOCHS = """
    loader = batches(inputs, 64)
    for epoch in range(8):
        for step, (x, y) in enumerate(loader):
            loss = crit(net(x), y)
            loss.backward()
            opt.step()
    """


def test_an_iterator_of_batches_is_made_in_each_epoch(repair) -> None:
    (text,) = repair("data.exhausted", EPOCHS)
    assert text.splitlines()[:3] == [
        "for epoch in range(8):",
        "    loader = batches(inputs, 64)",
        "    for step, (x, y) in enumerate(loader):",
    ]
    (text,) = repair("data.exhausted", EPOCHS.replace("batches(inputs, 64)", "((a, b) for a, b in pairs)"))
    assert "    loader = ((a, b) for a, b in pairs)" in text.splitlines()


@pytest.mark.parametrize(
    "other",
    [
        EPOCHS.replace("batches(inputs, 64)", "DataLoader(inputs)"),  # goes through them again and again
        EPOCHS.replace("batches(inputs, 64)", "inputs"),
        EPOCHS.replace("for epoch in range(8):", "if True:"),
        EPOCHS.replace("    loader", "    loader = None\n    loader"),  # made twice
    ],
)
def test_no_iterator_to_make_anew(repair, other: str) -> None:
    assert repair("data.exhausted", other)[0].startswith("unsure")
