"""The other routes, what stands before all of them, and a server whose engine dies, by requests as anyone can send."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tokenizers import Tokenizer

from causerie import builtin_model_path
from tests.server.server_process import Server, start


def test_models(server: Server) -> None:
    listed = server.get("/v1/models").json()
    assert [one["id"] for one in listed["data"]] == ["builtin"]
    server.said("Hello!", max_tokens=1)
    one = server.get("/v1/models/builtin").json()
    assert (one["object"], one["status"], one["context"]) == ("model", "loaded", 2048)
    assert server.get("/v1/models/other").status_code == 404


def test_models_have_a_time_of_creation(server: Server) -> None:
    """It was 0."""
    (one,) = server.get("/v1/models").json()["data"]
    assert 0 <= time.time() - one["created"] < 3600 * 24


def test_a_slash_at_the_end_changes_nothing(server: Server) -> None:
    """There was no model of the name ''."""
    assert server.get("/v1/models/").json() == server.get("/v1/models").json()
    for path in ("/health/", "/metrics/"):
        assert server.get(path, follow_redirects=True).status_code == 200


def test_tokens_and_text(server: Server) -> None:
    oracle = Tokenizer.from_file(str(Path(builtin_model_path()) / "tokenizer.json"))
    text = "Grüße! 你好 👋🏽 12"
    tokens = server.post("/tokenize", {"model": "builtin", "prompt": text}).json()["tokens"]
    assert tokens == oracle.encode(text).ids
    assert server.post("/detokenize", {"model": "builtin", "tokens": tokens}).json()["prompt"] == text
    chat = {"model": "builtin", "messages": [{"role": "user", "content": "<|end|>Hi"}]}
    rendered = server.post("/apply-template", chat).json()
    assert rendered["prompt"] == "<|begin|><|user|><|end|>Hi<|end|><|assistant|>"
    assert rendered["tokens"].count(oracle.token_to_id("<|end|>")) == 1  # what a user spells stays text


def test_health_and_metrics(server: Server) -> None:
    assert server.get("/health").json() == {"status": "ok"}
    before = server.metric("new_tokens_total")
    server.said("Hello!", max_tokens=5)
    server.wait(lambda: server.metric("new_tokens_total") >= before + 5)


def test_unknown_routes_and_methods(server: Server) -> None:
    assert server.get("/v1/nothing").json()["error"]["message"] == "/v1/nothing is not a route of this server."
    assert server.get("/v1/chat/completions").status_code == 405


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"42", b'"x"', b"{", b"{} {}", b"\xff\xfe{", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 5000],
)
def test_bodies_that_are_no_request(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx.post(server.url + "/v1/chat/completions", content=body, headers=headers, timeout=60)
    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert server.said("Hello!", max_tokens=2)


def test_the_size_and_the_type_of_a_body(server: Server) -> None:
    url = server.url + "/v1/chat/completions"
    large = httpx.post(url, content=b"x" * (9 << 20), headers={"Content-Type": "application/json"}, timeout=60)
    assert large.status_code == 413
    assert httpx.post(url, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    zipped = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert httpx.post(url, content=b"{}", headers=zipped).status_code == 415


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example:80"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_pages_of_others_are_refused(server: Server, headers: dict[str, str], method: str) -> None:
    response = httpx.request(method, server.url + "/v1/models", headers=headers)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# two people\nfirst-key\nsecond-key\n")
    served = start(tmp_path, "--api-key-file", str(keys))
    try:
        for path in ("/v1/models", "/v1/models/builtin", "/metrics", "/nothing"):
            assert served.get(path).status_code == 401, path
        for path in ("/v1/chat/completions", "/tokenize", "/detokenize", "/apply-template"):
            assert served.post(path, {}).status_code == 401, path
        for wrong in ("Bearer nothing", "Bearer é".encode(), "first-key", "Basic first-key"):
            assert served.get("/v1/models", headers={"Authorization": wrong}).status_code == 401
        for right in ("Bearer first-key", "bearer second-key"):
            assert served.get("/v1/models", headers={"Authorization": right}).status_code == 200
        assert served.get("/health").status_code == 200
        assert served.get("/health/", follow_redirects=True).status_code == 200
        for path in ("/v1/models/", "/metrics/", "//v1/models"):
            assert served.get(path, follow_redirects=True).status_code == 401, path
    finally:
        served.stop()


def test_pages_that_were_allowed(tmp_path: Path) -> None:
    served = start(tmp_path, "--origin", "https://mine.example")
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    try:
        for origin, allowed in (("https://mine.example", True), ("https://other.example", False)):
            asked = httpx.options(served.url + "/v1/chat/completions", headers={"Origin": origin, **asks})
            assert (asked.headers.get("access-control-allow-origin") == origin) == allowed == (asked.status_code == 200)
            response = served.get("/v1/models", headers={"Origin": origin})
            assert (response.headers.get("access-control-allow-origin") == origin) == allowed
            assert response.status_code == (200 if allowed else 403)
    finally:
        served.stop()


def test_a_model_that_cannot_be_loaded_ends_the_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "causerie.cli.main", "serve", str(tmp_path), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "config.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_that_dies_is_replaced(tmp_path: Path) -> None:
    served = start(tmp_path)
    try:
        before = served.said("Hello!")
        children = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(served.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        engine = next(int(line.split()[0]) for line in children.splitlines() if "engine_process" in line)
        body = {
            "model": "builtin",
            "messages": [{"role": "user", "content": "Hello!"}],
            "stream": True,
            "n": 8,  # so long that it has not ended before the engine has
            "logit_bias": {"2": -100},
        }
        with httpx.stream("POST", served.url + "/v1/chat/completions", json=body, timeout=60) as response:
            lines = response.iter_lines()
            next(lines)
            os.kill(engine, signal.SIGKILL)
            rest = [line for line in lines if line]
        assert '"error"' in rest[-2]
        assert rest[-1] == "data: [DONE]"
        served.wait(lambda: served.get("/health").status_code == 200)
        assert served.said("Hello!") == before
    finally:
        assert served.stop() in (0, -15)


def test_options_that_cannot_be_are_said_at_once(tmp_path: Path) -> None:
    for options, sentence in (
        (["--host", "0.0.0.0"], "--api-key-file"),
        (["--port", "x"], "not a port"),
        (["--api-key-file", str(tmp_path / "none")], "cannot be read"),
        (["--quantization", "int7"], "int7"),
        (["--prot", "80"], "--port"),
    ):
        command = [sys.executable, "-m", "causerie.cli.main", "serve", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    names = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", str(names[1]), "-out", str(names[0]), "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    return names


def test_https(tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    server = start(tmp_path, "--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    assert server.url.startswith("https://")
    assert server.said("Hello!", max_tokens=4)
    assert server.stop() in (0, -15)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tls-cert", "x.pem"], "--tls-cert and --tls-key belong together"),
        (["--tls-cert", "x.pem", "--tls-key", "y.pem"], "cannot be used: "),
    ],
)
def test_certificates_that_cannot_be_used(words: list[str], says: str) -> None:
    command = [sys.executable, "-m", "causerie.cli.main", "serve", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
