"""Tables of texts: their columns, labels and splits."""

import pytest

from fivefold.core import ArgumentError, DataError
from fivefold.tasks.tables.read import from_frame
from fivefold.tasks.text.text_table import read_table, text_column


def csv(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_column_of_most_words_is_taken_unless_one_is_named_so():
    long, short = ["one two three four five"] * 2, ["a b c d"] * 2
    assert text_column(from_frame({"note": short, "said": long})) == "said"
    assert text_column(from_frame({"text": short, "said": long})) == "text"
    assert text_column(from_frame({"text": short, "said": long}), without="text") == "said"
    assert text_column(from_frame({"id": ["x", "y"], "n": [1.0, 2.0]})) is None


def test_texts_without_spaces_are_texts_and_paths_are_none():
    chinese = ["\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b", "\u6211\u4e0d\u559c\u6b22"] * 2
    assert text_column(from_frame({"id": ["x"] * 4, "said": chinese})) == "said"
    assert text_column(from_frame({"file": ["a/b/c-1.png", "a/b/d-2.png"]})) is None


def test_documents_labels_and_roles_of_a_table(tmp_path):
    path = csv(
        tmp_path,
        "id,message,kind,split\n1,one two three,a,train\n2,two three four,b,dev\n"
        "3,,a,train\n4,x y z,,train\n",
    )
    found = read_table(path, "kind", None, labelled=True)
    assert found.documents == [
        ("row 1", "one two three", "a", 0),
        ("row 2", "two three four", "b", 1),
        ("row 3", "", "a", 0),
    ]
    assert [(each.name, each.reason) for each in found.rejected] == [("row 4", "it has no label")]
    assert "The validation texts are taken as test texts." in found.notes
    assert "The column 'split' says which texts are for training and which for test." in found.notes


def test_labels_are_found_by_name_or_as_the_only_other_column(tmp_path):
    by_name = csv(tmp_path, "n,text,label\n1,one two three,0\n2,two three four,1\n")
    assert [label for _, _, label, _ in read_table(by_name, None, None, labelled=True).documents] == [
        "0",
        "1",
    ]
    only = csv(tmp_path, "kind,text\na,one two three\nb,two three four\n", "o.csv")
    assert [label for _, _, label, _ in read_table(only, None, None, labelled=True).documents] == ["a", "b"]
    several = csv(tmp_path, "u,v,text\na,c,one two three\nb,d,two three four\n", "s.csv")
    with pytest.raises(DataError, match="a column of labels; got the columns 'u', 'v', 'text'"):
        read_table(several, None, None, labelled=True)
    assert len(read_table(several, None, None, labelled=False).documents) == 2


def test_columns_that_cannot_be_are_refused(tmp_path):
    path = csv(tmp_path, "id,price,text\nx,1.5,one two three\ny,2.5,two three four\n")
    for target, said in (("price", "fractions"), ("kind", "a column named 'kind'")):
        with pytest.raises(DataError, match=said):
            read_table(path, target, None, labelled=True)
    with pytest.raises(DataError, match="'price', which holds numbers"):
        read_table(path, "id", "price", labelled=True)
    with pytest.raises(ArgumentError, match="a target beside the texts"):
        read_table(path, "text", "text", labelled=True)
    with pytest.raises(DataError, match="a column of texts; got the columns 'id', 'n', none with 3 words"):
        read_table(csv(tmp_path, "id,n\nx,1\ny,2\n", "no.csv"), "n", None, labelled=True)


def test_dates_are_no_classes(tmp_path):
    import datetime

    import pyarrow as pa
    from pyarrow import parquet

    days = [datetime.datetime(2024, 1, day) for day in (1, 2)]
    parquet.write_table(pa.table({"day": days, "text": ["one two three"] * 2}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="'day', which holds dates"):
        read_table(tmp_path / "t.parquet", "day", None, labelled=True)


def test_the_column_of_an_earlier_reading_is_taken_where_it_is_there(tmp_path):
    path = csv(tmp_path, "text,said\none two three,four\ntwo three four,five\n")
    found = read_table(path, None, None, labelled=False, fitted="said")
    assert (found.column, [text for _, text, _, _ in found.documents]) == ("said", ["four", "five"])
    other = read_table(path, None, None, labelled=False, fitted="gone")
    assert other.column == "text"
    assert other.notes == [
        "The column 'gone', which held the texts of the fit, is not there.",
        "Texts are in the column 'text'.",
    ]
    assert read_table(path, None, "said", labelled=False, fitted="gone").notes == [
        "Texts are in the column 'said'."
    ]


def test_a_column_of_missing_texts_holds_empty_ones():
    found = read_table({"text": [None, None], "label": ["a", "b"]}, "label", "text", labelled=True)
    assert found.documents == [("row 1", "", "a", -1), ("row 2", "", "b", -1)]
