"""Repeated rows against a count by hand, and no alarm where few values make repeats likely."""

from collections import Counter

import numpy as np

from fivefold.diagnosis.tables.duplicates import (
    check_duplicates,
    check_split,
    count_duplicates,
    row_codes,
    shared_rows,
)


def test_counts_agree_with_a_dictionary(see):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        a, b = rng.integers(4, size=80), rng.choice(["u", "v", None], 80)
        y = rng.normal(size=80)
        table = {"count": a, "c": b, "y": y, "w": rng.integers(7, 11, size=80)}
        found = count_duplicates(see(table))
        groups = Counter(zip(a.tolist(), b.tolist(), table["w"].tolist(), strict=True))
        assert found.rows == 80 - len(groups)
        assert found.groups == sum(n > 1 for n in groups.values())
        assert found.pairs == sum(n * (n - 1) // 2 for n in groups.values())
        assert found.conflicting == found.groups, "the targets are all different"


def test_row_codes_keep_columns_apart():
    columns = {"a": np.array([1.0, 11.0, 1.0]), "b": np.array([11.0, 1.0, 11.0])}
    codes = row_codes(columns)
    assert codes[0] == codes[2] != codes[1]
    gaps = {"a": np.array([np.nan, np.nan, 0.0]), "b": np.array([None, None, "x"], dtype=object)}
    assert row_codes(gaps).tolist() == [0, 0, 1]


def test_the_expected_number_of_pairs_is_unbiased(see):
    """The mean over 200 tables of independent columns: the standard error is about 1 of 41 pairs."""
    got, want = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        table = {
            "count": rng.integers(5, size=60),
            "c": rng.choice(list("abcdefghi"), 60),
            "y": rng.normal(size=60),
        }
        found = count_duplicates(see(table))
        got.append(found.pairs)
        want.append(found.expected)
    assert abs(np.mean(got) - np.mean(want)) < 4 * np.std(got) / np.sqrt(200)


def test_noise_raises_no_alarm(see, noise):
    assert not any(check_duplicates(see(noise(seed))) for seed in range(40))
    for seed in range(40):  # three columns of few values: most rows repeat, and rightly so
        rng = np.random.default_rng(seed)
        table = {
            "n": rng.integers(3, size=300),
            "f": rng.integers(2, size=300),
            "c": rng.choice(["u", "v"], 300),
        }
        data = see({**table, "y": rng.normal(size=300)})
        assert count_duplicates(data).rows > 200
        assert not check_duplicates(data)


def test_planted_repeats_are_found_whatever_target_and_identifier_say(see, noise):
    table = noise(5)
    again = {name: np.concatenate([values, values[:6]]) for name, values in table.items()}
    again["y"] = np.concatenate([table["y"], table["y"][:3], table["y"][3:6] + 1])
    again["key_id"] = np.arange(306) * 3 + 7
    found = check_duplicates(see(again))
    assert [f.code for f in found] == ["duplicates.rows"]
    assert found[0].confidence == "high"
    assert "6 of 306 rows" in found[0].evidence
    assert "3 of them with different targets" in found[0].evidence
    assert not check_duplicates(see({name: values[:301] for name, values in again.items()})), (
        "one repeat is none"
    )


def test_a_split_with_copies_on_both_sides(noise):
    table = noise(6)
    columns = {name: np.asarray(table[name], dtype=float) for name in ("a", "b")}
    train = {name: values[:200] for name, values in columns.items()}
    test = {name: values[195:] for name, values in columns.items()}
    assert shared_rows(train, test).nonzero()[0].tolist() == [0, 1, 2, 3, 4]
    found = check_split(train, test)
    assert [f.code for f in found] == ["duplicates.split"]
    assert "5 of 105" in found[0].title
    assert not check_split(train, {name: values[200:] for name, values in columns.items()})


def test_tables_without_columns_or_rows(see):
    data = see({"customer_id": np.arange(40) * 7 + 3, "y": np.arange(40) / 3})
    assert count_duplicates(data).rows == 0
    assert count_duplicates(data).sentence == "No row repeats another one."
