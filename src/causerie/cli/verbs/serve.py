"""`causerie serve`: reads its options, listens, and serves until it is told to stop.

Everything that can be wrong in the options is said before anything loads. Knows no route.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from causerie.cli.options.arguments import USUAL, Parser, help_columns, load_options, talking_options, whole_number
from causerie.cli.options.tool_servers import opened_tools
from causerie.cli.verbs.serve_address import addresses_of, bracketed, invite, url_of
from causerie.errors import CauserieError, UsageError, unknown

if TYPE_CHECKING:
    import socket

    from causerie.api.options.load_options import LoadOptions
    from causerie.server.http.kept_chats import KeptChats
    from causerie.server.processes.jobs import EngineOptions
    from causerie.tools.toolbox import Toolbox

LOCAL = ("127.0.0.1", "::1", "localhost")
DEFAULT_PORT = 8000
_DRAIN_SECONDS = 30

_DESCRIPTION = """\
Serve models over HTTP to any program that speaks the OpenAI protocol.

  causerie serve                               the built-in model, on 127.0.0.1:8000
  causerie serve Qwen/Qwen2.5-0.5B-Instruct    a model of the Hugging Face hub
  causerie serve A B                           two models; B loads when asked for
  causerie serve --host 0.0.0.0 --api-key-file keys.txt

  curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model": "builtin", "messages": [{"role": "user", "content": "Hello!"}]}'"""


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    made = Parser(
        "causerie serve", _DESCRIPTION, width=help_columns(width), usage="causerie serve [MODEL ...] [options]"
    )
    made.add_argument("models", nargs="*", metavar="MODEL", help="hub ids or folders; default: the built-in model")
    made.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine alone)")
    made.add_argument("--port", type=port_number, default=DEFAULT_PORT, help="default: 8000; 0 takes a free one")
    made.add_argument("--api-key-file", metavar="FILE", help="a file with one key a line; needed for other hosts")
    made.add_argument(
        "--no-qr", action="store_true", help="with a --host for other machines: do not show a key and its QR code"
    )
    made.add_argument("--tls-cert", metavar="FILE", help="a certificate (PEM): https instead of http; with --tls-key")
    made.add_argument("--tls-key", metavar="FILE", help="the key of the certificate (PEM)")
    made.add_argument("--origin", action="append", default=[], help="a web page's origin that may call (repeat)")
    made.add_argument("--name", action="append", default=[], help="another host name of this server (repeat)")
    made.add_argument(
        "--alias",
        action="append",
        default=[],
        metavar="NAME=MODEL",
        help="another name by which MODEL may be asked for, as gpt-4o=builtin (repeat)",
    )
    made.add_argument(
        "--any-model", action="store_true", help="answer whatever model is asked for with the one that is loaded"
    )
    made.add_argument("--max-requests", type=whole_number, default=128, metavar="N", help="at once; more get 429")
    made.add_argument("--unload-after", type=whole_number, metavar="S", help="free a model unused for S seconds")
    made.add_argument(
        "--allow-downloads", action="store_true", help="users of the page may search the hub and download models"
    )
    made.add_argument(
        "--keep-chats",
        metavar="FOLDER",
        help="keep the page's chats in this folder, the same for all devices (default: in each browser alone)",
    )
    made.add_argument(
        "--mcp", metavar="FILE", help="MCP servers whose tools the page may use, call by call as its user lets it"
    )
    made.add_models_folder()
    made.add_loading_options(*(name for name in USUAL if name != "draft"))
    made.add_argument(
        "--draft",
        action="append",
        metavar="[MODEL=]DRAFT",
        help="a smaller model that guesses tokens for MODEL, or for all that it can, or a head (mtp-NAME.gguf); "
        "repeat for several; none; or auto, a head beside its file or a downloaded model with the same tokenizer (the "
        "default)",
    )
    return made


def port_number(text: str) -> int:
    """An argparse type: a port, 0 for any that is free."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; it must be a number from 0 to 65535")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code. Raises CauserieError."""
    import msgspec

    from causerie.server.processes.jobs import EngineOptions

    keys = _keys(options.api_key_file)
    if options.host not in LOCAL and not keys:
        raise UsageError(
            f"--host {options.host} can be reached from other machines, so the server needs keys: write one key a line "
            "into a file and add --api-key-file FILE."
        )
    _check_tls(options.tls_cert, options.tls_key)
    chats = _kept_chats(options.keep_chats)
    models = list(dict.fromkeys(options.models or ["builtin"]))
    loading, drafts = loading_of(options, models)  # an unknown name is said at once
    aliases = aliases_of(options.alias, models)
    engine = EngineOptions(
        models,
        options=msgspec.to_builtins(loading),
        drafts=drafts,
        unload_after=options.unload_after,
        models_folder=None if options.models_dir is None else str(options.models_dir),
    )
    with _listening(options.host, options.port) as listener, opened_tools(options.mcp) as toolbox:
        return _serve(options, engine, aliases, keys, listener, chats, toolbox)


def loading_of(options: argparse.Namespace, models: list[str]) -> tuple[LoadOptions, dict[str, str | None]]:
    """How all models are loaded, and the drafts of single ones. Raises UnknownName, UsageError."""
    names = draft_names(options.draft or [], models)
    options.draft = names.pop("", None)
    drafts = {model: load_options(options, draft=name).draft for model, name in names.items()}
    return talking_options(options), drafts


def draft_names(words: list[str], models: list[str]) -> dict[str, str]:
    """What `--draft` says, by model, and by "" of all others. Raises UsageError, UnknownName."""
    drafts: dict[str, str] = {}
    for word in words:
        model, equals, draft = word.partition("=")
        if not equals:
            model, draft = "", word
        if equals and model not in models:
            raise unknown("served model", model, models, advice="--draft is written DRAFT or MODEL=DRAFT.")
        if drafts.setdefault(model, draft) != draft:
            raise UsageError(
                f"--draft names {drafts[model]} and {draft} for {model or 'all models'}; give one of them."
            )
    return drafts


def aliases_of(words: list[str], models: list[str]) -> dict[str, str]:
    """The models that `--alias` names, by their further names. Raises UsageError, UnknownName."""
    aliases: dict[str, str] = {}
    for word in words:
        alias, equals, model = word.partition("=")
        if not alias or not equals:
            raise UsageError(f"--alias {word} is not NAME=MODEL; write it as gpt-4o={models[0]}.")
        if model not in models:
            raise unknown("served model", model, models, advice="--alias is written NAME=MODEL.")
        if alias in models:
            raise UsageError(f"--alias {word}: {alias} is the name of a served model already. Take another name.")
        if aliases.setdefault(alias, model) != model:
            raise UsageError(f"--alias {alias} is given to {aliases[alias]} and to {model}; give it to one of them.")
    return aliases


def _serve(
    options: argparse.Namespace,
    engine: EngineOptions,
    aliases: dict[str, str],
    keys: list[str],
    listener: socket.socket,
    chats: KeptChats | None,
    toolbox: Toolbox | None,
) -> int:
    import uvicorn

    from causerie.server.http.app import Application
    from causerie.server.http.connection import IDLE_SECONDS, Connection
    from causerie.server.http.gate import Gate
    from causerie.server.http.library_routes import LibraryRights
    from causerie.server.processes.engine_link import EngineLink
    from causerie.server.processes.library.library_link import LibraryLink

    failures: list[CauserieError] = []

    def useless(error: CauserieError) -> None:
        failures.append(error)
        server.should_exit = True

    models = engine.models
    link = EngineLink(engine, _note, useless)
    downloads = options.allow_downloads
    rights = LibraryRights(choosing=downloads or not options.models, downloads=downloads)
    library = LibraryLink(options.models_dir, engine.options)
    application = Application(
        link, models, options.max_requests, library, rights, chats, toolbox, aliases, options.any_model
    )
    address, port = listener.getsockname()[:2]
    addresses = addresses_of(address)
    gate = Gate.of(options.host, keys, options.origin, [*options.name, address, *map(bracketed, addresses)])
    url = url_of("https" if options.tls_cert else "http", addresses[0], port)
    _note(f"serving {', '.join(models)} on {url}/v1 (Ctrl-C ends it)")
    _note(f"a page to chat in: {url}/")
    if options.host not in LOCAL and not options.no_qr:
        invite(url, keys[0], sys.stdout)
    if toolbox is not None:
        _note(f"tools for the page, which asks before each call: {', '.join(toolbox.tools) or 'none'}")
    config = uvicorn.Config(
        application.asgi(gate),
        log_level="warning",
        access_log=False,
        server_header=False,
        http=Connection,
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if failures:
        raise failures[0]
    return 0


def _kept_chats(name: str | None) -> KeptChats | None:
    """The chats of --keep-chats. Raises UsageError for a folder in which nothing can be written."""
    if name is None:
        return None
    from causerie.server.http.kept_chats import KeptChats

    chats = KeptChats(Path(name).expanduser())
    try:
        chats.begin()
    except OSError as error:
        raise UsageError(
            f"--keep-chats {name}: nothing can be written there: {error.strerror}. Name another folder."
        ) from None
    return chats


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises UsageError where the address cannot be had."""
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Take another --port, or --port 0."
        ) from error
    return listener


def _check_tls(certificate: str | None, key: str | None) -> None:
    """Raises UsageError for a certificate without its key, or one that cannot be used."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise UsageError("--tls-cert and --tls-key belong together: the certificate and its key, both as PEM files.")
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--tls-cert {certificate} and --tls-key {key} cannot be used: {error}.") from None


def _keys(name: str | None) -> list[str]:
    if name is None:
        return []
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--api-key-file {name} cannot be read: {error}. Give a text file with one key a line."
        ) from None
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise UsageError(f"--api-key-file {name} holds no key. Write one key a line.")
    return keys


def _note(sentence: str) -> None:
    print(f"causerie: {sentence}", file=sys.stderr, flush=True)
