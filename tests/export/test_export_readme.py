"""The commands and programs of export/README.md work with the simulated server."""

import json
import re
import shlex
import subprocess
import sys
import urllib.request

import pytest
import yaml
from google.protobuf import text_format
from kit import KIT
from tensorflow_serving.config import model_server_config_pb2

from tfrec.cli import _COMMANDS

README = (KIT / "README.md").read_text("utf-8")


# The signatures of an export of one retrieval model are described before, those of two stages there.
ONE_STAGE, _, TWO_STAGES = README.partition("## Two stages")


def blocks(language):
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", README, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in text.splitlines()) for indent, text in found]


LINES = [shlex.split(line) for block in blocks("bash") for line in block.splitlines()]


def lines_of(*command):
    found = [line[len(command) :] for line in LINES if line[: len(command)] == list(command)]
    assert found, command
    return found


def test_every_command_of_the_page_is_tested():
    assert {line[0] for line in LINES} == {"tfrec", "docker", "python", "curl"}


@pytest.mark.tensorflow
@pytest.mark.parametrize("arguments", lines_of("curl"), ids=lambda arguments: arguments[-1][:60])
def test_curl_lines(arguments, request):
    url, *data = arguments
    rest = request.getfixturevalue("two_stages_rest" if "/ranked" in url else "rest")
    assert url.startswith("http://localhost:8501/") and data[:1] in ([], ["-d"])
    body = data[1].encode() if data else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.replace("http://localhost:8501", rest), body, timeout=20) as response:
        answer = json.loads(response.read())
    assert answer.keys() <= {"outputs", "predictions", "model_version_status"}


def test_curl_lines_show_every_signature_and_every_kind_of_address():
    shown = {"films": set(), "ranked": set()}
    for line in lines_of("curl"):
        if len(line) > 1:
            name = next(name for name in shown if f"/{name}" in line[0])
            shown[name].add(json.loads(line[-1]).get("signature_name", "serving_default"))
    lists = {"serving_default", "recommend_filtered"}
    assert shown["films"] == lists | {"score", "embed_users", "embed_items", "similar_items"}
    assert shown["ranked"] == lists | {"recommend_by_history", "rank"}
    assert any("/labels/" in line[0] for line in lines_of("curl"))
    assert any("/versions/" in line[0] for line in lines_of("curl"))


@pytest.mark.tensorflow
@pytest.mark.parametrize("code", blocks("python"), ids=["client", "grpc", "client, two stages", "grpc, two stages"])
def test_programs(code, client_module, request, monkeypatch, capsys):
    two = '"ranked"' in code
    grpc_target = request.getfixturevalue("two_stages_grpc" if two else "grpc_target")
    rest_address = request.getfixturevalue("two_stages_rest" if two else "rest")
    monkeypatch.setitem(sys.modules, "client", client_module)
    code = code.replace("http://localhost:8501", rest_address).replace("localhost:8500", grpc_target)
    assert "timeout=0.5" in code
    names = {}
    exec(compile(code.replace("timeout=0.5", "timeout=20"), "README.md", "exec"), names)
    if "films" in names:
        printed = capsys.readouterr().out.splitlines()
        assert len(printed) == 4 + 4 + 3  # two rankings, and a line of each other answer
        assert len(names["vectors"]) == 2
    elif "rankings" in names:
        assert [len(row) for row in names["scores"]] == [2, 2] and all(names["rankings"])
    else:
        assert names["items"].shape == names["scores"].shape == (2, 4)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["client", "smoke_test"])
def test_commands_with_the_client_and_the_smoke_test_run(name, client_module, smoke_module, rest, grpc_target, capsys):
    module = {"client": client_module, "smoke_test": smoke_module}[name]
    for arguments in lines_of("python", f"{name}.py"):
        places = {"http://localhost:8501": rest, "localhost:8500": grpc_target}
        code = module.main([*(places.get(one, one) for one in arguments), "--timeout", "20"])
        assert code == 0, capsys.readouterr()


@pytest.mark.slow
def test_commands_of_tfrec_exist():
    for command, *_ in lines_of("tfrec"):
        assert command in _COMMANDS
        done = subprocess.run(
            [sys.executable, "-m", "tfrec", command, "--help"], capture_output=True, text=True, check=True
        )
        for option in re.findall(rf"`tfrec {command}[^`]*?(--[\w-]+)", README):
            assert option in done.stdout, option


def test_the_server_image_is_that_of_the_compose_file():
    image = yaml.safe_load((KIT / "docker-compose.yml").read_text("utf-8"))["services"]["serving"]["image"]
    image = re.sub(r"\$\{TENSORFLOW_SERVING:-(.*)\}", r"\1", image)  # the variable's default
    (run,) = lines_of("docker", "run")
    assert run[-1] == image
    assert set(re.findall(r"tensorflow/serving:[\w.]+", README)) == {image}


def test_the_page_names_exactly_the_existing_files():
    named = {name.strip("`") for name in re.findall(r"`[\w.-]+\.(?:ya?ml|config|py)`", README)}
    here = {path.name for path in KIT.iterdir() if path.suffix in (".yml", ".config", ".py")}
    assert named == here


def test_the_steps_of_a_rollout_follow_the_rules_of_the_server():
    """A label that is in use moves only to a version that the step before has loaded."""
    served = text_format.Parse((KIT / "models.config").read_text("utf-8"), model_server_config_pb2.ModelServerConfig())
    (before,) = served.model_config_list.config
    labels = []
    for block in blocks("proto"):
        step = text_format.Parse(block, model_server_config_pb2.ModelConfig())
        loaded = set(before.model_version_policy.specific.versions)
        for label, version in step.version_labels.items():
            assert version in step.model_version_policy.specific.versions
            assert version == before.version_labels[label] or version in loaded
        labels.append((step.version_labels["stable"], step.version_labels["canary"]))
        before = step
    assert labels == [(1, 1), (1, 2), (2, 2), (1, 2)]


def described(page):
    """Signature -> [inputs, outputs], as the table of a part of the page has them."""
    table = re.findall(r"^\| `(\w+)`(?:, also named `(\w+)`)? \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    shown = {name: [inputs, outputs] for one, other, inputs, outputs in table for name in (one, other) if name}
    for name, (inputs, outputs) in shown.items():
        shown[name] = [inputs, shown["recommend"][1] if outputs == "the same" else outputs]
    return shown


def check_tensors(name, described_side, tensors, others=()):
    found = re.findall(r"`(\w+)`(?: \(([^)]*)\))?", described_side)
    assert {one for one, _ in found} | set(others) == tensors.keys(), name
    for tensor, shape in found:
        rank = len([axis for axis in shape.split(",") if axis.strip()])
        assert rank == len(tensors[tensor].tensor_shape.dim), (name, tensor)


@pytest.mark.tensorflow
def test_the_table_of_signatures_matches_the_export(exported, served):
    shown, signatures = described(ONE_STAGE), served.loaded[1].signatures
    assert shown.keys() == signatures.keys()
    for name, (inputs, outputs) in shown.items():
        check_tensors(name, inputs, signatures[name].inputs)
        check_tensors(name, outputs, signatures[name].outputs)


@pytest.mark.tensorflow
def test_the_table_of_two_stage_signatures_matches_the_export(two_stages):
    from served_model import Loaded

    shown, signatures = described(TWO_STAGES), Loaded(two_stages).signatures
    assert shown.keys() == signatures.keys()
    for name, (inputs, outputs) in shown.items():
        features = (
            {"user", "age", "tastes", "device", "history_labels"}
            if "features" in inputs and "missing" not in inputs
            else ()
        )
        check_tensors(name, inputs, signatures[name].inputs, features)
        check_tensors(name, outputs.replace(", in the order of `item_ids`", ""), signatures[name].outputs)
