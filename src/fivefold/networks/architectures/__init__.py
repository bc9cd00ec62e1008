"""One file an architecture; :mod:`fivefold.networks.registry` knows them by name."""
