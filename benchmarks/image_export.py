"""How much faster a network answers when folded, in ONNX Runtime and in 8 bits, beside eager PyTorch.

Networks of the registry with random weights, for speed does not ask what they have learnt; statistics of
batch norm are filled by one pass in training mode. Each form takes raw pictures and gives probabilities.
Rounds are interleaved; a ratio is the median over the rounds, with its 95% interval. With one thread the
clock is the thread's own CPU time, so that what else runs on the machine hardly counts; with more it is
the wall clock. The accuracy of 8 bits needs trained weights and is judged by ``fivefold export --int8``.
"""

import argparse

import common

SIDES = {"resnet20": 32}
"""Of the pictures; the networks that are not named are for ImageNet."""
IMAGENET = 224
CLASSES = [str(i) for i in range(10)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--networks",
        nargs="+",
        default=["resnet20", "resnet18", "mobilenet_v2", "shufflenet_v2_x1_0"],
        help="names of the registry",
    )
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 32])
    parser.add_argument("--rounds", type=int, default=9)
    options = common.arguments(__doc__, parser)

    import numpy as np
    import torch

    from fivefold.networks.registry import create
    from fivefold.tasks.images.export.graph import PictureGraph, folded_graph, onnx_model
    from fivefold.tasks.images.export.int8 import quantize
    from fivefold.tasks.images.export.onnx_file import forms_of
    from fivefold.tasks.images.export.parity import measure_parity
    from fivefold.tasks.images.export.session import answer, open_session
    from fivefold.tasks.images.export.speed import race

    torch.set_num_threads(options.threads)
    rows = []
    for name in options.networks:
        side = SIDES.get(name, IMAGENET)
        network = create(name, classes=len(CLASSES), generator=torch.Generator().manual_seed(0))
        pictures = np.random.default_rng(0).integers(0, 256, (8, 3, side, side), dtype=np.uint8)
        with torch.no_grad():
            network.train()(torch.from_numpy(pictures).float() / 127.5 - 1)
        eager = PictureGraph(network, [0.5] * 3, [0.5] * 3).eval()
        folded, count = folded_graph(eager, torch.from_numpy(pictures))
        model = onnx_model(folded, (3, side, side), CLASSES)
        small = quantize(model, pictures)
        session, eight = open_session(model.SerializeToString()), open_session(small)
        with torch.no_grad():
            parity = measure_parity(eager(torch.from_numpy(pictures)).numpy(), answer(session, pictures))
        print(f"{name}, {side} x {side}, {count} batch norms folded, difference {parity.difference:.1e}")
        for batch in options.batches:
            x = np.ascontiguousarray(pictures[np.arange(batch) % len(pictures)])
            works = forms_of(eager, folded, session, eight, x)
            for s in race(works, batch=batch, rounds=options.rounds):
                milliseconds = 1e3 * s.seconds / batch
                print(
                    f"  batch {batch:>3}  {s.name:<21} {milliseconds:8.3f} ms a picture  "
                    f"{s.ratio:.2f} ({s.low:.2f} to {s.high:.2f})",
                    flush=True,
                )
                rows.append(
                    {
                        "network": name,
                        "side": side,
                        "batch": batch,
                        "form": s.name,
                        "milliseconds_a_picture": milliseconds,
                        "ratio_to_eager": s.ratio,
                        "low": s.low,
                        "high": s.high,
                        "batch_norms_folded": count,
                        "log_probability_difference": parity.difference,
                    }
                )
    notes = {"rounds": str(options.rounds), "weights": "random, seed 0"}
    common.write("image_export", rows, threads=options.threads, notes=notes)


if __name__ == "__main__":
    main()
