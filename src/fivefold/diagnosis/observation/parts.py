"""Which modules inside a model tell training from evaluation, and which are called without the model."""

from torch import nn

DROPOUTS = (nn.modules.dropout._DropoutNd,)
LISTS = (nn.ModuleList, nn.ModuleDict)
NORMS = (nn.modules.batchnorm._BatchNorm,)


def trains(module: nn.Module) -> tuple[bool, bool]:
    """Return whether a module works in training mode, and whether something inside tells the modes apart.

    Where dropout or batch norm is inside, their modes count, not the outer one: ``model.encoder.eval()``
    leaves the model's own flag as it was. A part whose parameters are all frozen and that is in evaluation
    mode is so on purpose, and tells nothing.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    >>> trains(net), trains(nn.Linear(2, 2).eval())
    ((True, True), (False, False))
    >>> net[1].training = False
    >>> net.training, trains(net)
    (True, (False, True))
    >>> trains(nn.Sequential(nn.BatchNorm1d(2).eval().requires_grad_(False), nn.Linear(2, 2)))
    (True, False)
    """
    on, tells, _, _ = _modes(module)
    return (on, True) if tells else (module.training, False)


def _modes(module: nn.Module) -> tuple[bool, bool, bool, bool]:
    """Whether something inside works in training mode, tells the modes apart, is trained, has parameters."""
    # Over what modules hold, not named_modules: this runs at every forward pass.
    on = tells = trained = holds = False
    if isinstance(module, NORMS) or (isinstance(module, DROPOUTS) and module.p > 0):
        on, tells = module.training, True
    for p in module._parameters.values():
        if p is not None:
            holds, trained = True, trained or p.requires_grad
    for each in module._modules.values():
        if each is not None:
            inner = _modes(each)
            on, tells = on or inner[0], tells or inner[1]
            trained, holds = trained or inner[2], holds or inner[3]
    if holds and not trained and not on:
        tells = False  # it is held still on purpose, and its statistics with it
    return on, tells, trained, holds


def parts_of(module: nn.Module) -> list[nn.Module]:
    """Return the children of a model that may be called without it.

    They are all where its class has methods of its own; elsewhere the first, where it is a network itself,
    as an encoder is that is evaluated without the head that it was trained with.

    >>> class Translator(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder = nn.Linear(2, 2)
    ...     def translate(self, x):
    ...         return self.encoder(x)
    >>> len(parts_of(Translator())), len(parts_of(nn.Sequential(nn.Linear(2, 2))))
    (1, 0)
    >>> encoder = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    >>> parts_of(nn.Sequential(encoder, nn.Linear(2, 2))) == [encoder]
    True
    """
    own = (
        name
        for kind in type(module).__mro__
        if not kind.__module__.startswith("torch.")
        for name, value in vars(kind).items()
        if callable(value) and not name.startswith("_") and name != "forward"
    )
    known = set(dir(nn.Module))
    children = list(module.children())
    if any(name not in known for name in own):
        return children
    network = bool(children and list(children[0].children()) and list(children[0].parameters()))
    return children[:1] if network and not isinstance(module, LISTS) else []
