"""The config files of the server, parsed like in the server, and the compose file that uses them."""

import re
import shlex
import subprocess

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from kit import KIT
from tensorflow_serving.config import model_server_config_pb2

from tfrec.serving.files.tensorflow_versions import minor_version

COMPOSE, BATCHED = (
    yaml.safe_load((KIT / name).read_text("utf-8"))["services"]["serving"]
    for name in ("docker-compose.yml", "docker-compose.batching.yml")
)
SIGNED = {"docker-compose.yml": COMPOSE, "docker-compose.batching.yml": BATCHED}
# Flags of the server (model_servers/main.cc) that the compose files use, with the type or message of their value.
FLAGS = {
    "model_config_file": "ModelServerConfig",
    "model_config_file_poll_wait_seconds": int,
    "allow_version_labels_for_unavailable_models": bool,
    "monitoring_config_file": "MonitoringConfig",
    "rest_api_timeout_in_ms": int,
    "tensorflow_intra_op_parallelism": int,
    "tensorflow_inter_op_parallelism": int,
    "enable_batching": bool,
    "batching_parameters_file": "BatchingParameters",
}


def messages():
    """Message name -> class.

    tensorflow-serving-api carries the proto of models.config. Those of batching and monitoring are not in it, so they
    are written down here, from servables/tensorflow/session_bundle_config.proto and config/monitoring_config.proto:
    the parser is protobuf's own, and an unknown or misspelt field fails as it does in the server.
    """
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="tfrec_tests_serving.proto",
        package="tfrec.tests",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )

    def message(name, **fields):
        made = file.message_type.add(name=name)
        for number, (key, kind) in enumerate(fields.items(), 1):
            label = field.LABEL_REPEATED if kind == "repeated int64" else field.LABEL_OPTIONAL
            one = made.field.add(name=key, number=number, label=label)
            if kind.startswith("."):
                one.type, one.type_name = field.TYPE_MESSAGE, kind
            else:
                one.type = {"int64": field.TYPE_INT64, "bool": field.TYPE_BOOL, "string": field.TYPE_STRING}[
                    kind.removeprefix("repeated ")
                ]

    int64, text = ".google.protobuf.Int64Value", ".google.protobuf.StringValue"
    message(
        "BatchingParameters",
        max_batch_size=int64,
        batch_timeout_micros=int64,
        max_enqueued_batches=int64,
        num_batch_threads=int64,
        thread_pool_name=text,
        allowed_batch_sizes="repeated int64",
        pad_variable_length_inputs="bool",
    )
    message("PrometheusConfig", enable="bool", path="string")
    message("MonitoringConfig", prometheus_config=".tfrec.tests.PrometheusConfig")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    found = {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tfrec.tests.{name}"))
        for name in ("BatchingParameters", "MonitoringConfig")
    }
    return {**found, "ModelServerConfig": model_server_config_pb2.ModelServerConfig}


MESSAGES = messages()


def parsed(name, kind):
    return text_format.Parse((KIT / name).read_text("utf-8"), MESSAGES[kind]())


def flags(service):
    pairs = [re.fullmatch(r"--(\w+)=(.+)", one).groups() for one in service["command"]]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def file_of(path):
    """A path in the container -> the file here, by the mounts."""
    for mount in COMPOSE["volumes"]:
        here, there, mode = mount.split(":")
        assert mode == "ro"
        if path.startswith(f"{there}/"):
            return KIT / here / path.removeprefix(f"{there}/")
    raise AssertionError(f"{path} is in no mount")


@pytest.mark.parametrize("service", SIGNED.values(), ids=SIGNED)
def test_every_flag_exists_and_every_file_exists_and_parses(service):
    for name, value in flags(service).items():
        kind = FLAGS[name]
        if kind is int:
            assert int(value) > 0
        elif kind is bool:
            assert value in ("true", "false")
        else:
            file = file_of(value)
            assert file.is_file() and parsed(file.name, kind).ByteSize()


def test_the_batching_file_adds_only_batching():
    extra = {"enable_batching": "true", "batching_parameters_file": "/config/batching.config"}
    assert flags(BATCHED) == flags(COMPOSE) | extra
    assert BATCHED.keys() == {"command"}


def test_the_server_is_pinned_to_the_tensorflow_that_writes_the_graphs():
    project = (KIT.parent / "pyproject.toml").read_text("utf-8")
    (oldest, above) = re.findall(r'"tensorflow>=([\d.]+),<([\d.]+)"', project)[0]
    (installed,) = re.findall(r"^TENSORFLOW := (.+)$", (KIT.parent / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert COMPOSE["image"] == f"tensorflow/serving:${{TENSORFLOW_SERVING:-{installed}.0}}"
    assert minor_version(oldest) <= minor_version(installed) < minor_version(above)


def test_ports_are_those_of_the_image_and_open_only_to_this_machine():
    assert COMPOSE["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


def test_threads_are_the_cpus_of_the_container():
    cpus = COMPOSE["deploy"]["resources"]["limits"]["cpus"]
    assert (
        flags(COMPOSE)["tensorflow_intra_op_parallelism"] == flags(COMPOSE)["tensorflow_inter_op_parallelism"] == cpus
    )
    assert parsed("batching.config", "BatchingParameters").num_batch_threads.value == int(cpus)


def test_models_are_in_the_mount_and_labels_point_to_served_versions():
    (model,) = parsed("models.config", "ModelServerConfig").model_config_list.config
    assert (model.name, model.model_platform) == ("films", "tensorflow")
    assert file_of(f"{model.base_path}/1") == KIT / "./served" / "films" / "1"
    policy = model.model_version_policy
    assert policy.WhichOneof("policy_choice") == "specific"
    assert model.version_labels.keys() == {"stable", "canary"}
    assert set(model.version_labels.values()) <= set(policy.specific.versions)
    # No version is loaded when the file is first read: labels would keep the server from starting.
    assert flags(COMPOSE)["allow_version_labels_for_unavailable_models"] == "true"


def test_batching_fits_the_signatures():
    batching = parsed("batching.config", "BatchingParameters")
    sizes = list(batching.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[-1] == batching.max_batch_size.value
    assert not batching.pad_variable_length_inputs  # it would pad with an item of another user
    assert batching.max_enqueued_batches.value > 0


@pytest.mark.parametrize(
    ("file", "kind"), [("batching.config", "BatchingParameters"), ("monitoring.config", "MonitoringConfig")]
)
def test_the_parser_rejects_unknown_fields(file, kind):
    text = (KIT / file).read_text("utf-8")
    with pytest.raises(text_format.ParseError):
        text_format.Parse(f"{text}\nno_such_field: 1", MESSAGES[kind]())


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_health_check_reads_the_status_of_the_stable_version(rest, tmp_path):
    """The command itself, in the bash of this machine, against the simulated server."""
    command = [part.replace("8501", rest.rpartition(":")[2]) for part in COMPOSE["healthcheck"]["test"][1:]]
    assert command[0] == "bash" and "$" not in command[-1]  # which Compose would fill in
    healthy = subprocess.run(command, timeout=20, capture_output=True)
    assert healthy.returncode == 0, healthy
    for what, other in (("labels/stable", "labels/none"), (rest.rpartition(":")[2], "1")):
        ill = subprocess.run([*command[:-1], command[-1].replace(what, other)], timeout=20, capture_output=True)
        assert ill.returncode != 0, shlex.join(command)


@pytest.mark.tensorflow
def test_metrics_are_at_the_path_of_monitoring_config(rest):
    import urllib.request

    path = parsed("monitoring.config", "MonitoringConfig").prometheus_config
    assert path.enable
    assert urllib.request.urlopen(rest + path.path).status == 200
