"""How the server is: whether it is well, its version, and its counts for Prometheus.

Knows the engine's beat and no model.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import causerie
from causerie.server.http.latencies import Latencies
from causerie.server.http.route_responses import Answered, json_response
from causerie.server.processes.engine_link import EngineLink

_METRICS = {
    "steps_total": "counter",
    "running": "gauge",
    "waiting": "gauge",
    "read_tokens_total": "counter",
    "cached_tokens_total": "counter",
    "new_tokens_total": "counter",
    "blocks": "gauge",
    "free_blocks": "gauge",
    "kept_blocks": "gauge",
    "used_blocks": "gauge",
    "recalled_tokens_total": "counter",
    "kept_cache_bytes": "gauge",
}
_DRAFT_METRICS = ("drafted_tokens_total", "accepted_tokens_total")
"""Those that are counted by who guessed them."""


class StateRoutes:
    """The routes over one link to the engine."""

    def __init__(self, link: EngineLink, latencies: Latencies) -> None:
        self._link = link
        self._latencies = latencies

    def routes(self, answered: Answered) -> list[Route]:
        """All of them, with failures told as the server tells them."""
        return [
            *(Route(path, answered(self.health), methods=["GET"]) for path in ("/health", "/v1/health", "/ping")),
            Route("/version", answered(self.version), methods=["GET"]),
            Route("/metrics", answered(self.metrics), methods=["GET"]),
        ]

    async def health(self, _: Request) -> Response:
        """GET /health: 200 only while the engine makes steps, or has nothing to do."""
        trouble = self._link.trouble
        if trouble is not None:
            return json_response({"status": "unhealthy", "reason": trouble}, 503)
        return json_response({"status": "ok"})

    async def version(self, _: Request) -> Response:
        """GET /version."""
        return json_response({"version": causerie.__version__})

    async def metrics(self, _: Request) -> Response:
        """GET /metrics, in Prometheus' text format."""
        beat = self._link.beat
        lines = [
            "# TYPE causerie_jobs gauge",
            f"causerie_jobs {self._link.jobs}",
            "# TYPE causerie_engine_restarts_total counter",
            f"causerie_engine_restarts_total {self._link.restarts}",
        ]
        for name, kind in _METRICS.items():
            value = 0 if beat is None else getattr(beat, name.removesuffix("_total"))
            lines += [f"# TYPE causerie_{name} {kind}", f"causerie_{name} {value}"]
        for name in _DRAFT_METRICS:
            counts = {} if beat is None else getattr(beat, name.removesuffix("_total"))
            lines.append(f"# TYPE causerie_{name} counter")
            lines += [f'causerie_{name}{{drafter="{drafter}"}} {count}' for drafter, count in counts.items()]
        lines += self._latencies.lines()
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")
