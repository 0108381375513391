"""`serve-check` rejects a folder whose graph could access other files or never end, before it is run."""

import json
import shutil
import time

import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from tfrec import serving
from tfrec.cli import main
from tfrec.errors import InputError
from tfrec.file_hashes import sha256_of
from tfrec.serving.files import export_manifest, recorded_answers, warmup
from tfrec.serving.runtime import Call
from tfrec.serving.verify import operations, version_check


@pytest.fixture()
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "films" / "7")


@pytest.fixture()
def loaded(monkeypatch):
    """The calls of a runtime; there must be none."""
    asked = []
    for name in ("replay", "fuzz", "time_calls"):
        monkeypatch.setattr(version_check, name, lambda *given, of=name, **more: asked.append(of) or [])
    return asked


def changed(export, change):
    """Change the SavedModel as an attacker would, who also updates the hashes."""
    path = export / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(saved, saved.meta_graphs[0])
    path.write_bytes(saved.SerializeToString())
    sealed(export)


def sealed(export):
    manifest = json.loads((export / export_manifest.PLACE).read_text())
    for name in manifest["files"]:
        file = export / name
        manifest["files"][name] = {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    (export / export_manifest.PLACE).write_text(json.dumps(manifest))


def node(graph, name):
    return next(one for one in graph.node if one.name == name)


def function(graph, part):
    return next(one for one in graph.library.function if part in one.signature.name)


def constant(body, name, text):
    """A constant of text in the main graph or in a function's body."""
    one = body.add(name=name, op="Const")
    one.attr["dtype"].type = types_pb2.DT_STRING
    one.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(text))


def initialised(graph):
    """The node that loading runs."""
    return node(graph, "NoOp")


def saver_function(graph, operation):
    found = [one for one in graph.library.function if operation in {inner.op for inner in one.node_def}]
    assert len(found) == 1
    return found[0]


# === Changes of the graph ===


def write_file(_, meta):
    constant(meta.graph_def.node, "path", "/tmp/written")
    meta.graph_def.node.add(name="harm", op="WriteFile", input=["path", "path"])
    initialised(meta.graph_def).input.append("^harm")


def write_file_in_a_function(_, meta):
    body = function(meta.graph_def, "initializer").node_def
    constant(body, "path", "/tmp/written")
    body.add(name="harm", op="WriteFile", input=["path:output:0", "path:output:0"])


def save_at_loading(_, meta):
    for name in ("path", "names", "slices"):
        constant(meta.graph_def.node, name, ["/tmp/written"] if name != "path" else "/tmp/written")
    harm = meta.graph_def.node.add(name="harm", op="SaveV2", input=["path", "names", "slices", "path"])
    harm.attr["dtypes"].list.type.append(types_pb2.DT_STRING)
    initialised(meta.graph_def).input.append("^harm")


def save_in_the_initialiser(_, meta):
    body = function(meta.graph_def, "initializer").node_def
    for name in ("path", "names"):
        constant(body, name, ["/tmp/written"] if name == "names" else "/tmp/written")
    harm = body.add(name="harm", op="SaveV2")
    harm.input.extend(["path:output:0", "names:output:0", "names:output:0", "path:output:0"])


def saver_with_a_constant_path(_, meta):
    body = saver_function(meta.graph_def, "SaveV2").node_def
    constant(body, "path", "/tmp/written")
    next(one for one in body if one.op == "SaveV2").input[0] = "path:output:0"


def saver_with_a_suffix_of_its_own(_, meta):
    body = saver_function(meta.graph_def, "SaveV2").node_def
    constant(body, "path", "/../../../../tmp/written")
    next(one for one in body if one.op == "StringJoin").input[1] = "path:output:0"


def restore_from_elsewhere(_, meta):
    body = saver_function(meta.graph_def, "RestoreV2").node_def
    constant(body, "path", "/etc/passwd")
    next(one for one in body if one.op == "RestoreV2").input[0] = "path:output:0"


def saver_called_with_another_path(_, meta):
    constant(meta.graph_def.node, "path", "/tmp/written")
    call = node(meta.graph_def, meta.saver_def.save_tensor_name.partition(":")[0])
    again = meta.graph_def.node.add()
    again.CopyFrom(call)
    again.name, again.input[0] = "harm", "path"
    initialised(meta.graph_def).input.append("^harm")


def saver_whose_name_is_a_constant(_, meta):
    placeholder = node(meta.graph_def, "saver_filename")
    placeholder.op = "Const"
    placeholder.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/tmp/written"))


def saver_at_loading(_, meta):
    initialised(meta.graph_def).input.append(f"^{meta.saver_def.save_tensor_name.partition(':')[0]}")


def saver_at_loading_by_a_collection(_, meta):
    meta.collection_def["saved_model_main_op"].node_list.value[:] = [meta.saver_def.save_tensor_name.partition(":")[0]]


def saver_of_a_signature(_, meta):
    one = meta.signature_def["score"]
    one.inputs["history"].name = "saver_filename:0"
    one.outputs["scores"].name = meta.saver_def.save_tensor_name


def saver_restored_by_python(_, meta):
    name = saver_function(meta.graph_def, "SaveV2").signature.name
    meta.object_graph_def.concrete_functions[name].bound_inputs.append(0)


def vocabulary_from_elsewhere(_, meta):
    constant(meta.graph_def.node, "path", "/etc/passwd")
    node(meta.graph_def, "Variable/Assign").input[1] = "path"


def vocabulary_by_a_second_handle(_, meta):
    constant(meta.graph_def.node, "path", "/etc/passwd")
    other = meta.graph_def.node.add()
    other.CopyFrom(node(meta.graph_def, "Variable"))
    other.name = "other"
    meta.graph_def.node.add(name="harm", op="AssignVariableOp", input=["other", "path"])


def vocabulary_from_elsewhere_in_python(_, meta):
    bound = next(
        one.bound_inputs
        for name, one in meta.object_graph_def.concrete_functions.items()
        if "initializer" in name and len(one.bound_inputs) == 2
    )
    kinds = [one.WhichOneof("kind") for one in meta.object_graph_def.nodes]
    bound[0] = kinds.index("constant")


def vocabulary_of_a_constant_in_the_function(_, meta):
    body = function(meta.graph_def, "initializer").node_def
    constant(body, "path", "/etc/passwd")
    next(one for one in body if one.op == "InitializeTableFromTextFileV2").input[1] = "path:output:0"


def vocabulary_that_a_request_names(_, meta):
    meta.signature_def["score"].inputs["history"].name = "asset_path_initializer:0"


def table_read_by_a_request(_, meta):
    call = next(one for one in meta.graph_def.node if "initializer" in one.attr["f"].func.name)
    meta.signature_def["score"].outputs["scores"].name = f"{call.name}:0"


def asset_outside(_, meta):
    meta.asset_file_def[0].filename = "../../../secret"


def asset_absolute(_, meta):
    meta.asset_file_def[0].filename = "/etc/passwd"


def asset_missing(_, meta):
    meta.asset_file_def[0].filename = "other.txt"


def assets_of_a_collection(_, meta):
    meta.collection_def["saved_model_assets"].node_list.value.append("x")


def function_that_is_missing(_, meta):
    call = next(one for one in meta.graph_def.node if one.attr["f"].func.name)
    call.attr["f"].func.name = "WriteFile"


def function_named_like_an_operation(_, meta):
    meta.graph_def.library.function.add().signature.name = "WriteFile"


def custom_operation(_, meta):
    function(meta.graph_def, "recommend").node_def.add(name="harm", op="Acme>Harm")


def handle_in_a_constant(_, meta):
    one = meta.graph_def.node.add(name="harm", op="Const")
    one.attr["dtype"].type = one.attr["value"].tensor.dtype = types_pb2.DT_RESOURCE


def call_compiled_by_xla(_, meta):
    next(one for one in meta.graph_def.node if one.attr["f"].func.name).attr["_XlaMustCompile"].b = True


def second_graph(saved, meta):
    other = saved.meta_graphs.add()
    other.CopyFrom(meta)
    meta.meta_info_def.tags[:] = ["harmless"]


def other_tags(_, meta):
    meta.meta_info_def.tags.append("gpu")


def no_object_graph(_, meta):
    meta.ClearField("object_graph_def")


def no_default_signature(_, meta):
    del meta.signature_def["serving_default"]


def signature_of_nothing(_, meta):
    meta.signature_def["score"].outputs["scores"].name = "nowhere:0"


CHANGES = [
    (write_file, "may not support: WriteFile"),
    (write_file_in_a_function, "may not support: WriteFile"),
    (save_at_loading, "SaveV2 is in the main graph"),
    (save_in_the_initialiser, "need separate functions"),
    (saver_with_a_constant_path, "takes its path from somewhere else"),
    (saver_with_a_suffix_of_its_own, "takes its path from somewhere else"),
    (restore_from_elsewhere, "takes its path from somewhere else"),
    (saver_called_with_another_path, "not the saver's alone"),
    (saver_whose_name_is_a_constant, "file name is not a placeholder"),
    (saver_at_loading, "takes part in saving"),
    (saver_at_loading_by_a_collection, "loading runs"),
    (saver_of_a_signature, "requests could access files"),
    (saver_restored_by_python, "not the saver's alone"),
    (vocabulary_from_elsewhere, "names a file"),
    (vocabulary_by_a_second_handle, "not an asset"),
    (vocabulary_from_elsewhere_in_python, "not an asset"),
    (vocabulary_of_a_constant_in_the_function, "takes its path from somewhere else"),
    (vocabulary_that_a_request_names, "requests could access files"),
    (table_read_by_a_request, "requests could access files"),
    (asset_outside, "is outside the export"),
    (asset_absolute, "is outside the export"),
    (asset_missing, "is not a file of the export"),
    (assets_of_a_collection, "further assets"),
    (function_that_is_missing, "which its graph lacks"),
    (function_named_like_an_operation, "named like the operation WriteFile"),
    (custom_operation, "may not support: Acme>Harm"),
    (handle_in_a_constant, "is a handle"),
    (call_compiled_by_xla, "XLA must compile"),
    (second_graph, "has 2 graphs"),
    (other_tags, "expected ['serve']"),
    (no_object_graph, "no object graph"),
    (no_default_signature, "differ from the manifest: serving_default"),
    (signature_of_nothing, "names tensors that the graph lacks"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES, ids=lambda one: getattr(one, "__name__", ""))
def test_a_harmful_graph_is_rejected_and_never_loaded(copy, change, message, loaded, capsys):
    changed(copy, change)
    assert main(["serve-check", str(copy)]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split()[:2] in (["operations", "FAILED"], ["signatures", "FAILED"]) and message in last
    assert not loaded
    if last.startswith("operations"):  # the gate of an export makes the same checks
        with pytest.raises(InputError):
            operations.check(copy)


@pytest.mark.parametrize("file", ["saved_model.pbtxt", "saved_model.cpb"])
def test_a_second_form_of_the_graph_is_rejected(copy, file, loaded):
    (copy / file).write_bytes(b"")
    manifest = json.loads((copy / export_manifest.PLACE).read_text())
    manifest["files"][file] = {}
    (copy / export_manifest.PLACE).write_text(json.dumps(manifest))
    sealed(copy)
    (*_, last) = serving.serve_check(copy)
    assert not last.passed and "second SavedModel" in last.seen and not loaded


@pytest.mark.parametrize("name", ["variables", "assets/item.txt", "saved_model.pb"])
def test_a_link_out_of_the_folder_is_rejected(copy, tmp_path, name, loaded):
    (copy / name).rename(tmp_path / "outside")
    (copy / name).symlink_to(tmp_path / "outside")
    (only,) = serving.serve_check(copy)
    assert only.name == "files" and "is a link out of the export" in only.seen and not loaded


def test_links_inside_and_a_link_to_the_version_are_fine(copy, tmp_path):
    (copy / "assets" / "item.txt").rename(copy / "assets" / "items")
    (copy / "assets" / "item.txt").symlink_to("items")
    (tmp_path / "current").symlink_to(copy)
    assert len(operations.check(tmp_path / "current")) > 20


@pytest.mark.parametrize(
    "content",
    ["[]", "[{}]", '[{"signature": "score", "inputs": {}, "outputs": {}}]', "[" * 100_000, "7"],
)
def test_answers_that_were_edited_are_one_line(copy, content, monkeypatch):
    (copy / recorded_answers.PLACE).write_text(content)
    sealed(copy)
    monkeypatch.setattr(version_check, "fuzz", lambda *given, **more: {"answered": 1, "refused": 0, "ids": 1})
    monkeypatch.setattr(warmup, "read", lambda export: [Call("score", {})])
    monkeypatch.setattr(version_check, "replay", lambda *given, **more: [])
    failed = {one.name: one.seen for one in serving.serve_check(copy) if not one.passed}
    assert failed.keys() == {"answers", "answers, C runtime", "latency"}
    assert all("Export again" in text and "\n" not in text for text in failed.values())


def test_a_graph_that_never_ends_is_killed(copy, tmp_path):
    class Endless(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.string, name="history")])
        def serve(self, history):
            number = tf.while_loop(lambda x: x > -1.0, lambda x: (x * 0.5,), (tf.constant(1.0),))[0]
            return {"scores": tf.fill(tf.shape(history), number)}

    module = Endless()
    tf.saved_model.save(module, str(tmp_path / "endless"), signatures=module.serve)
    shutil.copytree(tmp_path / "endless", copy, dirs_exist_ok=True)
    recorded_answers.write(
        copy, [Call("serving_default", {"history": [["7"]]})], [{"scores": tf.zeros((1, 1)).numpy()}]
    )
    manifest = json.loads((copy / export_manifest.PLACE).read_text())
    manifest["signatures"] = export_manifest.signatures_of(copy)
    (copy / export_manifest.PLACE).write_text(json.dumps(manifest))
    sealed(copy)
    began = time.monotonic()
    checks = serving.serve_check(copy, timeout=4)
    assert time.monotonic() - began < 60
    assert [one.name for one in checks] == ["files", "signatures", "operations", "TensorFlow", "answers"]
    assert not checks[-1].passed and "was killed" in checks[-1].seen and "4 s" in checks[-1].seen


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf"])
def test_a_time_limit_is_a_number(exported, timeout, capsys):
    assert main(["serve-check", str(exported), "--timeout", timeout]) == 2
    assert "above 0" in capsys.readouterr().err
