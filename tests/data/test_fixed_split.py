"""The split of the data is used: training uses no validation or test rows."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from tables import write

from tfrec.data import Examples, Fixed, Interactions, read
from tfrec.errors import InputError
from tfrec.runner import resolve
from tfrec.training import RankingRecipe, Recipe

HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
PARTS = {
    "train": "u\ta\t5\t1\nu\tb\t4\t2\nv\tb\t3\t1\nv\ta\t1\t2\n",
    "valid": "u\tc\t5\t3\n",
    "test": "u\td\t5\t4\nv\tc\t2\t3\n",
}


def written(folder, names=("train", "valid", "test"), stem="x"):
    for name, text in zip(names, PARTS.values(), strict=True):
        write(folder / f"{stem}.{name}.inter", HEADER + text)
    return folder


def rows(table):
    return sorted(zip(table.user_ids[table.user_codes], table.item_ids[table.item_codes], strict=True))


@pytest.mark.parametrize(
    "names", [("train", "valid", "test"), ("Train", "validation", "test"), ("part1", "part2", "part3")]
)
def test_recboles_parts_are_read_as_one_table_with_its_split(tmp_path, names):
    write(written(tmp_path, names) / "x.item", "item_id:token\tmovie_title:token_seq\na\tAlpha\n")
    table = read(tmp_path)
    train, valid, test = table.split(Fixed())
    assert rows(train) == [("u", "a"), ("u", "b"), ("v", "a"), ("v", "b")]
    assert rows(valid.targets) == [("u", "c")] and rows(test.targets) == [("u", "d"), ("v", "c")]
    assert rows(test.history) == [*rows(train)[:2], ("u", "c"), *rows(train)[2:]]
    assert "own split: 4 train, 1 valid, 2 test rows" in str(table.report)
    assert table.items.loc["a", "title"] == "Alpha"
    assert rows(read(tmp_path / "x")) == rows(table)  # by the name before the parts


@pytest.mark.parametrize("kind", ["txt", "csv", "parquet"])
def test_train_and_test_files_of_other_formats_are_read_as_one_table(tmp_path, kind):
    rows_of = {"train": [("u", "a"), ("u", "b"), ("u", "c"), ("v", "a")], "test": [("u", "d"), ("v", "b")]}
    for part, pairs in rows_of.items():
        frame = pd.DataFrame(pairs, columns=["user", "item"])
        if kind == "parquet":
            frame.to_parquet(tmp_path / f"{part}.parquet")
        elif kind == "csv":
            frame.to_csv(tmp_path / f"shop_{part}.csv", index=False)
        else:
            lists = frame.groupby("user")["item"].agg(" ".join)
            write(tmp_path / f"{part}.txt", "".join(f"{user} {items}\n" for user, items in lists.items()))
    split = read(tmp_path).split(Fixed())
    assert rows(split.test.targets) == rows_of["test"]
    assert rows(split.valid.targets) == [("u", "c")]  # there is no valid file: the last of three train rows
    assert rows(split.test.history) == rows_of["train"]


def test_one_part_alone_is_read_with_a_note(tmp_path):
    written(tmp_path)
    table = read(tmp_path / "x.train.inter")
    assert len(table) == 4 and table.parts is None
    assert f"one part of a fixed split: pass {tmp_path / 'x'}" in str(table.report)


def test_a_folder_with_a_dataset_and_its_parts_raises_an_error(tmp_path):
    write(written(tmp_path) / "x.inter", HEADER + PARTS["train"])
    with pytest.raises(InputError, match=rf"several datasets: x, x.inter.*fixed split it is {tmp_path / 'x'}"):
        read(tmp_path)
    assert read(tmp_path / "x").parts is not None and read(tmp_path / "x.inter").parts is None


def test_without_a_valid_part_the_last_train_row_is_the_validation():
    frame = pd.DataFrame({"u": ["a"] * 4 + ["b"] * 2, "i": [1, 2, 3, 4, 1, 2], "p": ["train"] * 3 + ["test"] * 3})
    frame.loc[4, "p"] = "train"
    split = Interactions.from_pandas(frame, user="u", item="i", part="p").split(Fixed())
    assert rows(split.train) == [("a", "1"), ("a", "2"), ("b", "1")]
    assert rows(split.valid.targets) == [("a", "3")] and rows(split.test.targets) == [("a", "4"), ("b", "2")]


def test_train_rows_later_than_test_rows_are_noted():
    frame = pd.DataFrame({"u": ["a"] * 3, "i": [1, 2, 3], "t": [9, 2, 3], "p": ["train", "valid", "test"]})
    table = Interactions.from_pandas(frame, user="u", item="i", time="t", part="p")
    assert "1 users have train or valid rows that are later" in str(table.report)


@pytest.mark.parametrize(
    ("parts", "message"),
    [(["train", "holdout"], "'holdout': expected train, valid or test"), (["train", "valid"], "no rows of the test")],
)
def test_invalid_parts_raise_an_error(parts, message):
    frame = pd.DataFrame({"u": ["a", "a"], "i": [1, 2], "p": parts})
    with pytest.raises(InputError, match=message):
        Interactions.from_pandas(frame, user="u", item="i", part="p")


def test_augmented_sequences_raise_an_error(tmp_path):
    text = "user_id:token\titem_id_list:token_seq\titem_id:token\nu\ta b\tc\n"
    with pytest.raises(InputError, match=r"'item_id_list'.*a list in each row"):
        read(write(tmp_path / "x.inter", text))


def test_recipes_use_the_split_of_the_data_unless_they_name_one(tmp_path):
    table = read(written(tmp_path))
    examples = RankingRecipe(positive=4.0).with_split_of(table)
    split = examples.build_examples(table).split(examples.build_split())
    assert (len(split.train), len(split.valid), len(split.test)) == (4, 1, 2)
    assert split.test.labels.tolist() == [1, 0]
    assert isinstance(Recipe().with_split_of(table).build_split(), Fixed)
    assert isinstance(Recipe(split={"rule": "fixed"}).build_split(), Fixed)
    by_time = Recipe(split={"rule": "by-time", "valid": 0.8, "test": 0.9})
    assert by_time.with_split_of(table) is by_time
    whole = dataclasses.replace(table, parts=None)
    assert Recipe().with_split_of(whole) == Recipe(split={"rule": "leave-last-out"})
    with pytest.raises(InputError, match="this data has none"):
        whole.split(Fixed())
    with pytest.raises(InputError, match="this data has none"):
        Examples.from_interactions(whole).split(Fixed())


@pytest.mark.parametrize(
    "recipe, rule", [(Recipe, "leave-last-out"), (RankingRecipe, "random")], ids=["retrieval", "ranking"]
)
def test_an_explicit_split_is_kept_even_if_it_is_the_default(tmp_path, recipe, rule):
    table = read(written(tmp_path))
    named = recipe.from_toml(f'[split]\nrule = "{rule}"\n')
    assert resolve(named, table, "text") == (named, "text")
    assert named.split_note(table) == f"Split: {rule}, as the recipe says. The data's own split is not used."
    found, text = resolve(recipe(), table, "text")
    assert found.split == {"rule": "fixed"} and text is None and "the data's own" in found.split_note(table)
    whole = dataclasses.replace(table, parts=None)
    found, text = resolve(recipe(), whole, "text")
    assert found.split == {"rule": rule} and text == "text" and found.split_note(whole) is None
    assert recipe.from_toml(found.to_toml()).split == {"rule": rule}


def test_the_content_hash_covers_the_split(tmp_path):
    table = read(written(tmp_path))
    other = dataclasses.replace(table, parts=np.where(table.parts == 1, 2, table.parts).astype(np.int8))
    assert table.content_sha256() != other.content_sha256() and table.sha256() == other.sha256()


def unordered(users=30, per_user=10):
    """Rows in the order of the item ids, with each user's last one as test row and the others as train rows."""
    frame = pd.DataFrame([(f"u{user:02}", f"i{item:02}") for user in range(users) for item in range(per_user)])
    frame["part"] = np.where(frame.index % per_user == per_user - 1, "test", "train")
    return Interactions.from_pandas(frame.set_axis(["user", "item", "part"], axis=1), "user", "item", part="part")


def test_a_share_of_the_train_rows_is_drawn_if_their_order_has_no_meaning():
    table = unordered()
    train, valid, test = table.split(Fixed(valid=0.2))
    assert len(valid) == round(0.2 * 270) and len(train) == 270 - len(valid)
    assert rows(test.targets) == rows(table.split(Fixed()).test.targets)
    assert sorted(rows(train) + rows(valid.targets)) == rows(test.history)
    assert len({item for _, item in rows(valid.targets)}) == 9  # and not the last item of every user
    assert rows(table.split(Fixed(valid=0.2)).train) == rows(train)
    assert rows(table.split(Fixed(valid=0.2, seed=1)).train) != rows(train)
    assert Recipe(split={"rule": "fixed", "valid": 0.2}).build_split() == Fixed(valid=0.2)


def test_a_user_keeps_a_train_row_and_a_given_valid_part_stays():
    train, valid, _ = unordered(per_user=3).split(Fixed(valid=0.99))
    assert train.num_users == 30 == len(train) == len(valid)
    frame = pd.DataFrame({"u": ["a"] * 4, "i": [1, 2, 3, 4], "part": ["train", "train", "valid", "test"]})
    table = Interactions.from_pandas(frame, user="u", item="i", part="part")
    assert rows(table.split(Fixed(valid=0.5)).valid.targets) == [("a", "3")]


@pytest.mark.parametrize("wrong", [0, 1, -0.1, float("nan"), True, "0.1"])
def test_an_invalid_share_raises_an_error(wrong):
    with pytest.raises(InputError, match="share of the train rows between 0 and 1"):
        Fixed(valid=wrong)
    with pytest.raises(InputError, match="seed of Fixed"):
        Fixed(valid=0.1, seed=-1)
