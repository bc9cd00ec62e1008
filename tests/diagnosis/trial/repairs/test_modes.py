"""Training and evaluation modes."""

TRAINING = """
    import torch
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    def score(model, x):
        with torch.no_grad():
            return model(x).mean()
    @torch.no_grad()
    def other(model, x):
        '''What it says.'''
        out = model(x)
        return out
    for epoch in range(3):
        for x, y in data:
            loss = crit(net(x), y)
            loss.backward()
            opt.step()
        net.eval()
        score(net, x)
    """


def test_training_mode_is_switched_on_where_the_pass_begins(changed) -> None:
    assert changed("mode.evaluation-in-training", TRAINING) == [["+ net.train()"]]
    wrong = TRAINING.replace("        loss = crit", "        net.eval()\n            loss = crit")
    assert changed("mode.evaluation-in-training", wrong)[0] == ["- net.eval()", "+ net.train()"]


def test_evaluation_mode_is_switched_on_where_gradients_are_off(repair) -> None:
    text = TRAINING.replace("    net.eval()\n", "    pass\n").replace("crit(net(x), y)", "crit(model(x), y)")
    text = text.replace("net.parameters", "model.parameters")
    (after,) = repair("mode.training-in-evaluation", text)
    lines = after.splitlines()
    assert lines[3:5] == ["    model.eval()", "    with torch.no_grad():"]
    assert lines[8:10] == ["    '''What it says.'''", "    model.eval()"]
    assert "        model.train()" in lines


def test_a_model_that_is_not_known(repair) -> None:
    assert repair("mode.evaluation-in-training", "for x in d:\n    f(x).backward()\n")[0].startswith("unsure")
    assert repair("mode.training-in-evaluation", "f(x)\n")[0].startswith("unsure: no place")
    two = "a.train(); b.train()\nfor x in d:\n    (a(x) + b(x)).backward()\n"
    assert "several models" in repair("mode.evaluation-in-training", two)[0]
