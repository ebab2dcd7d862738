"""The addresses by which a server is reached, and what a phone in the home network needs to open its page: the address
with a key, as words and as a QR code. Knows no route.

A key is shown on a terminal alone, never where lines are kept.
"""

from __future__ import annotations

import shutil
import socket
from typing import TextIO
from urllib.parse import quote

_EVERY = {"0.0.0.0": socket.AF_INET, "::": socket.AF_INET6}
# Of documentation, to which nothing is sent: the system says from which of its addresses it would be.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def addresses_of(bound: str) -> list[str]:
    """The addresses of a server that listens on `bound`, the one to tell others first. A server that listens on all of
    this machine's has those of its network, as far as it has one."""
    if bound not in _EVERY:
        return [bound]
    families = [socket.AF_INET] if bound == "0.0.0.0" else [socket.AF_INET, socket.AF_INET6]
    return [address for family in families if (address := _outward(family)) is not None] or [bound]


def url_of(scheme: str, address: str, port: int) -> str:
    """The address as browsers take it, without a slash at its end."""
    return f"{scheme}://{bracketed(address)}:{port}"


def bracketed(address: str) -> str:
    """The address as a Host names it."""
    return f"[{address}]" if ":" in address else address


def invite(url: str, key: str, out: TextIO) -> None:
    """Shows how a phone opens the page, where `out` is a terminal; the page takes the key from the address's fragment,
    which no browser sends."""
    if not out.isatty():
        return
    from causerie.cli.screen.qr_code import qr_lines, qr_width

    address = f"{url}/#key={quote(key, safe='')}"
    print("\nOn a phone in the same network, open this. Your key is in it, so show it to nobody else:", file=out)
    print(f"\n  {address}\n", file=out)
    if qr_width(address) < shutil.get_terminal_size().columns:
        print(*qr_lines(address), sep="\n", file=out)
    out.flush()


def _outward(family: socket.AddressFamily) -> str | None:
    """This machine's address towards others, None where there are none."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_FAR[family], 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
