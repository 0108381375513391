"""Invalid inputs of users. Each gives one clear line on stderr and exit code 2, and nothing is written."""

import pytest

from tfrec.cli import main


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


GOOD = "user,item,time\n" + "".join(f"u{u},i{i},{i}\n" for u in range(4) for i in range(5))


def train(data, *options):
    return lambda folder, preset: ["train", "--data", data(folder), "--out", str(folder / "out"), *options]


def csv(content, name="data.csv"):
    return lambda folder: write(folder, name, content)


# Mistake -> the command, and a part of its error message.
CASES = {
    "no such file": (train(lambda folder: str(folder / "absent.csv")), "absent.csv"),
    "a folder of something else": (train(lambda folder: str(folder)), "layout"),
    "an empty file": (train(csv("")), "empty"),
    "a header and no rows": (train(csv("user,item,time\n")), "rows"),
    "binary junk": (train(csv(bytes(range(256)) * 4)), "data.csv"),
    "a file that is not Parquet": (train(csv("no parquet", "data.parquet")), "parquet"),
    "a column that is not there": (train(csv(GOOD), "--user", "customer"), "customer"),
    "columns with unknown names": (train(csv("a,b\n1,2\n")), "--user"),
    "a wrong separator": (train(csv(GOOD), "--sep", ";"), "separat"),
    "an unknown separator": (train(csv(GOOD.replace(",", "#"))), "--sep"),
    "an invalid date format": (train(csv(GOOD), "--date-format", "%Q"), "%Q"),
    "names for other columns": (train(csv(GOOD), "--columns", "user,item"), "expected 2"),
    "dates mixed with numbers": (train(csv(GOOD + "u9,i1,2024-05-01\n")), "mixes numbers"),
    "seconds mixed with milliseconds": (
        train(csv("user,item,time\nu,a,1700000000\nu,b,1700000000000\n")),
        "milliseconds",
    ),
    "filters that leave nothing": (train(csv(GOOD), "--min-user-count", "99"), "were dropped"),
    "a rating threshold without ratings": (train(csv(GOOD), "--min-rating", "4"), "rating"),
    "users with one interaction each": (train(csv("user,item\na,x\nb,y\nc,z\n")), "three interactions"),
    "a recipe with a typo": (
        lambda folder, preset: [
            *("train", "--data", write(folder, "d.csv", GOOD), "--out", str(folder / "out")),
            *("--recipe", write(folder, "r.toml", "epoch = 3")),
        ],
        "unknown entry 'epoch'",
    ),
    "a recipe that climbs instead of descending": (
        lambda folder, preset: [
            *("train", "--data", write(folder, "d.csv", GOOD), "--out", str(folder / "out")),
            *("--recipe", write(folder, "r.toml", '[optimizer]\nclass = "Adam"\nlearning_rate = -1e-3')),
        ],
        "optimizer.learning_rate must be a number above 0",
    ),
    "seeds of what was never trained": (
        lambda folder, preset: ["seeds", str(preset), str(folder)],
        "is not a preset",
    ),
    "a recipe that is not there": (train(csv(GOOD), "--recipe", "nowhere.toml"), "nowhere.toml"),
    "no epochs": (train(csv(GOOD), "--epochs", "0"), "at least 1"),
    "a word for a number": (train(csv(GOOD), "--epochs", "many"), "invalid int"),
    "a folder that holds something else": (
        lambda folder, preset: ["train", "--data", write(folder, "d.csv", GOOD), "--out", str(folder)],
        "would be lost",
    ),
    "a preset that is not there": (
        lambda folder, preset: ["export", "sasrec_mars", str(folder / "out")],
        "sasrec_mars",
    ),
    "a measurement of no int8": (
        lambda folder, preset: ["export", str(preset), str(folder / "out"), "--measure", str(folder)],
        "--measure compares int8 with float32",
    ),
    "an export of nothing": (
        lambda folder, preset: ["export", str(preset), str(folder / "out"), "--k", "0"],
        "at least 1",
    ),
    "a history of unknown titles": (
        lambda folder, preset: ["recommend", str(preset), "--history", "zzzzzz"],
        'no item with the title or id "zzzzzz"',
    ),
    "time stamps for a model of the order alone": (
        lambda folder, preset: ["recommend", str(preset), "--history", "m0073", "--timestamps", "1500000000"],
        "reads no timestamps",
    ),
    "no command": (lambda folder, preset: [], "COMMAND"),
    "an unknown command": (lambda folder, preset: ["trian"], "trian"),
    "an unknown dataset": (lambda folder, preset: ["prepare", "netflix"], "ml-1m"),
}


@pytest.mark.parametrize("case", CASES)
def test_one_clear_line_and_exit_code_2(case, preset, tmp_path, capfd):
    command, message = CASES[case]
    arguments = command(tmp_path, preset)
    capfd.readouterr()
    assert main(arguments) == 2
    lines = capfd.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert message in lines[0] and lines[0].startswith("tfrec")
    assert not (tmp_path / "out").exists()
