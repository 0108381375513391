"""export/smoke_test.py accepts a valid server, and reports what is wrong with others."""

import pytest

pytestmark = pytest.mark.tensorflow


def run(smoke_module, capsys, *arguments):
    code = smoke_module.main(["--model", "films", "--timeout", "20", *arguments])
    return code, capsys.readouterr().out


def test_all_checks_pass_on_a_valid_server(smoke_module, rest, grpc_target, capsys):
    code, table = run(smoke_module, capsys, "--rest", rest, "--grpc", grpc_target, "--label", "stable")
    assert code == 0, table
    lines = table.splitlines()
    assert len(lines) == 2 * 7 + 1 and all(line.split()[2] == "ok" for line in lines[:-1])
    for signature in ("serving_default", "recommend_filtered", "score", "embed_users", "embed_items", "similar_items"):
        assert sum(signature in line for line in lines) == 2
    assert "REST = gRPC" in lines[-1]


def test_all_checks_pass_on_a_two_stage_export(smoke_module, two_stages_rest, two_stages_grpc, capsys):
    servers = ["--rest", two_stages_rest, "--grpc", two_stages_grpc]
    code = smoke_module.main(["--model", "ranked", "--timeout", "20", *servers])
    table = capsys.readouterr().out
    assert code == 0, table
    assert len(table.splitlines()) == 2 * 4 + 1 and table.count("rank ") == 2 and "REST = gRPC" in table


@pytest.mark.parametrize("inputs", [("history", "item_ids", "age"), ("item_ids",), ("C1", "I1")])
def test_a_ranking_model_without_retrieval_gets_an_unknown_item(smoke_module, client_module, monkeypatch, inputs):
    shapes = {"history": (-1, -1), "item_ids": (-1, -1)}
    known = {name: client_module.Input("string", shapes.get(name, (-1,))) for name in inputs}
    client = client_module.Client("ads", rest="http://nowhere")
    monkeypatch.setattr(client, "_signatures", {"serving_default": known, "rank": known})
    scores = [[0.25]] if "item_ids" in inputs else [0.25]
    monkeypatch.setattr(
        client._server, "predict", lambda _, given, __: {"scores": scores} if given.keys() == known.keys() else {}
    )
    ((name, request, in_words),) = smoke_module.requests(client, timed=False)
    assert name == "rank" and in_words(request()) == "1 rows"


def test_one_transport_is_enough(smoke_module, rest, capsys):
    code, table = run(smoke_module, capsys, "--rest", rest)
    assert code == 0 and len(table.splitlines()) == 7


def test_an_unreachable_server_is_reported(smoke_module, capsys):
    code, table = run(smoke_module, capsys, "--rest", "http://127.0.0.1:1")
    assert code == 1 and "WRONG" in table and "No REST server answers" in table


def test_a_model_that_is_not_served_is_reported(smoke_module, rest, capsys):
    code = smoke_module.main(["--model", "filme", "--rest", rest])
    assert code == 1 and "Could not find any versions of model filme" in capsys.readouterr().out


def test_different_answers_of_the_transports_are_reported(
    smoke_module, client_module, rest, grpc_target, capsys, monkeypatch
):
    one = client_module._Grpc.predict

    def off(self, signature, inputs, outputs):
        found = one(self, signature, inputs, outputs)
        if signature == "score":
            found["scores"] = [[score + 0.01 for score in row] for row in found["scores"]]
        return found

    monkeypatch.setattr(client_module._Grpc, "predict", off)
    code, table = run(smoke_module, capsys, "--rest", rest, "--grpc", grpc_target)
    assert code == 1 and "REST and gRPC answer differently" in table


def test_a_forbidden_item_is_detected(smoke_module, client_module, rest, capsys, monkeypatch):
    one = client_module._Rest.predict

    def unfiltered(self, signature, inputs, outputs):
        plain = {"history": inputs["history"]} if signature == "recommend_filtered" else inputs
        return one(self, "serving_default" if plain is not inputs else signature, plain, outputs)

    monkeypatch.setattr(client_module._Rest, "predict", unfiltered)
    code, table = run(smoke_module, capsys, "--rest", rest)
    assert code == 1 and any("recommend_filtered" in line and "WRONG" in line for line in table.splitlines())


def test_missing_addresses_give_exit_code_2(smoke_module):
    with pytest.raises(SystemExit) as left:
        smoke_module.main(["--model", "films"])
    assert left.value.code == 2
