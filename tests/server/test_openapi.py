"""The server against its own OpenAPI document: requests that fit it and requests that do not, made by schemathesis."""

from __future__ import annotations

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, GenerationMode

from tests.server.server_process import Server

FITTING, UNFITTING = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


def ask(server: Server, operation: APIOperation, mode: GenerationMode, examples: int) -> Counter[int]:
    """Statuses of generated requests, each of which the document knows and none of which is a fault of the server."""
    known = operation.definition.raw["responses"]
    counts: Counter[int] = Counter()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict):  # an answer may be long; this is not about answers
            for name in ("max_tokens", "max_output_tokens", "max_completion_tokens"):
                if isinstance(case.body.get(name), int) and case.body[name] > 8:
                    case.body[name] = 8
            if operation.path in ("/api/chat", "/api/generate"):
                options = case.body.get("options")
                case.body["options"] = options if options is not None and mode is UNFITTING else {"num_predict": 8}
        response = case.call(timeout=60)
        counts[response.status_code] += 1
        told = f"{operation.label} {case.body!r}: {response.status_code} {response.text[:500]}"
        assert response.status_code < 500 and str(response.status_code) in known, told
        kind = response.headers["content-type"][0].partition(";")[0]
        assert kind in known[str(response.status_code)]["content"], told
        if response.status_code != 200:
            error = response.json()["error"]
            assert error if operation.path.startswith("/api/") else error["message"], told

    run()
    return counts


def hold_to_document(server: Server, examples: int) -> None:
    schema = schemathesis.openapi.from_url(server.url + "/openapi.json")
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) >= 13
    for operation in operations:
        answered = ask(server, operation, FITTING, examples)
        if operation.method == "post" and operation.path != "/text-of-file":  # whose body may be any bytes
            refused = ask(server, operation, UNFITTING, examples)
            assert 200 not in refused, (operation.label, refused)
        if operation.path in ("/render", "/version", "/v1/responses", "/health", "/v1/models"):
            assert answered[200] > 0, (operation.label, answered)
    assert server.get("/health").status_code == 200
    assert server.said("Hello!", max_tokens=4)


def test_requests_that_fit_and_that_do_not(server: Server) -> None:
    hold_to_document(server, 15)


@pytest.mark.slow
def test_many_requests(server: Server) -> None:
    hold_to_document(server, 300)


def test_every_route_is_documented(server: Server) -> None:
    paths = server.get("/openapi.json").json()["paths"]
    for path, operation in paths.items():
        for method in operation:
            wrong = server.get(path.replace("{model}", "builtin")) if method == "post" else server.post(path, {})
            assert wrong.status_code in (404, 405), path
