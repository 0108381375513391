"""export/client.py from the command line."""

import subprocess
import sys

import pytest
from kit import KIT

pytestmark = pytest.mark.tensorflow


def command(*arguments):
    """Run the client in a process that can import neither TensorFlow nor gRPC."""
    block = (
        "import runpy, sys\n"
        "for name in ('tensorflow', 'grpc', 'numpy', 'tensorflow_serving'): sys.modules[name] = None\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    line = [sys.executable, "-I", "-c", block, str(KIT / "client.py"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def test_the_command_needs_only_python_for_rest(rest, client_module):
    done = command("--rest", rest, "--model", "films", "--history", "1", "1196")
    assert done.returncode == 0, done.stderr
    expected = client_module.Client("films", rest=rest, timeout=20).recommend([["1", "1196"]])[0]
    assert done.stdout.splitlines() == [f"{item}\t{score:.6g}" for item, score in expected]
    without = command("--grpc", "localhost:1", "--model", "films", "--history", "1")
    assert without.returncode == 1 and "pip install 'tensorflow-serving-api>=2.20,<2.22', or use rest" in without.stderr


def test_the_commands_options(rest, client_module, capsys):
    def run(*arguments):
        code = client_module.main(["--rest", rest, "--model", "films", "--timeout", "20", *arguments])
        message = capsys.readouterr()
        return code, [line.split("\t") for line in message.out.splitlines()], message.err

    assert run("--status") == (0, [["1", "AVAILABLE"], ["2", "AVAILABLE"]], "")
    code, lines, _ = run("--history", "1", "--exclude", "50", "--allow", "50", "260", "593", "--label", "stable")
    assert code == 0 and {item for item, _ in lines} == {"260", "593"}
    code, lines, _ = run("--history", "--score", "1", "nothing")
    assert [item for item, _ in lines] == ["1", "nothing"] and lines[1][1] == "-inf"
    code, lines, _ = run("--similar", "1", "260")
    assert {item for item, *_ in lines} == {"1", "260"}
    code, _, message = run("--history", "1", "--version", "1", "--label", "stable")
    assert code == 2 and "a version or a label" in message
    code, _, message = run("--history", "1", "--version", "9")
    assert code == 1 and "Servable not found" in message
