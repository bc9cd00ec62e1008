"""The vocabulary: what architectures are put together from."""
