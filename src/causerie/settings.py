"""The only place where environment variables are read.

A `Settings` is a frozen value; whoever needs one is handed it. It knows no model and no backend.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What the environment asks for; every field has a neutral default."""

    instruction_set: str | None = None
    """CAUSERIE_INSTRUCTION_SET: forces the native kernels' variant ("avx512_bf16", "avx512", "avx2_vnni", "avx2"; on
    Arm "neon_i8mm", "neon_dotprod", "neon"; "portable")."""
    threads: int | None = None
    """CAUSERIE_THREADS: how many threads the native backend runs; default: the cores this process may use."""
    backend: str | None = None
    """CAUSERIE_BACKEND: "native" or "torch" for the CPU; default native."""
    color: bool = True
    """NO_COLOR: any value turns colours off (no-color.org)."""
    terminal: str | None = None
    """TERM: what kind of terminal this is; "dumb" gets plain lines."""

    data_folder: str | None = None
    """CAUSERIE_DATA: where chats and the history of lines are kept; default: causerie in XDG_DATA_HOME, or in
    .local/share of the user's home."""

    cache_folder: str | None = None
    """CAUSERIE_CACHE: where the measurements of this machine are kept, and what caches have of ended chats; default:
    causerie in XDG_CACHE_HOME, or in .cache of the user's home."""

    api_key: str | None = None
    """CAUSERIE_API_KEY: what `causerie chat --url` sends to a server that asks for a key."""

    @property
    def caches(self) -> Path:
        """The folder of these, whether or not somebody names one."""
        return Path(self.cache_folder or "~/.cache/causerie").expanduser()

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
        """Reads the variables named in each field's line; an empty variable counts as absent."""
        read = os.environ if environment is None else environment
        threads = read.get("CAUSERIE_THREADS") or None
        if threads is not None and (not threads.isdigit() or int(threads) < 1):
            from causerie.errors import UsageError

            raise UsageError(f"CAUSERIE_THREADS is {threads!r}; it must be a whole number of at least 1.")
        return Settings(
            instruction_set=read.get("CAUSERIE_INSTRUCTION_SET") or None,
            threads=None if threads is None else int(threads),
            backend=read.get("CAUSERIE_BACKEND") or None,
            color=not read.get("NO_COLOR"),
            terminal=read.get("TERM") or None,
            api_key=read.get("CAUSERIE_API_KEY") or None,
            data_folder=read.get("CAUSERIE_DATA") or _in_folder(read.get("XDG_DATA_HOME")),
            cache_folder=read.get("CAUSERIE_CACHE") or _in_folder(read.get("XDG_CACHE_HOME")),
        )


def _in_folder(home: str | None) -> str | None:
    return f"{home}/causerie" if home else None


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that the environment (or the system's settings, on macOS) names for a host; None for none."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return None if proxy is None or proxy_bypass(host) else proxy
