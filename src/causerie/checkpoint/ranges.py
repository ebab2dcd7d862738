"""Bytes of a file on the hub, asked for by their place, so that a header can be read without its file.

Over the standard library's HTTP. A login goes to the host that was asked and to no other that it points to; an address
that is not encrypted is followed only where the hub's own is not. Knows no file format.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from causerie.errors import CheckpointError, GatedModel, ModelNotFound

SECONDS = 20.0
"""How long the hub may take for each answer."""
FIRST_BYTES = 2**18
"""Asked for at once: the headers of most files end within it."""


class RemoteFile:
    """One file behind an address. The beginning is asked for once and remembered."""

    def __init__(self, url: str, headers: Mapping[str, str], label: str) -> None:
        """`label` names the file in messages."""
        self._url = url
        self._headers = dict(headers)
        self._label = label
        self._opener = urllib.request.build_opener(_Redirects())
        self._beginning = b""

    def read(self, offset: int, count: int) -> bytes:
        """So many bytes from `offset` on; fewer where the file ends. Raises CheckpointError's kinds."""
        if not self._beginning:
            self._beginning = self._ask(0, FIRST_BYTES)
        within = self._beginning[offset : offset + count]
        return within or self._ask(offset, count)

    def _ask(self, offset: int, count: int) -> bytes:
        asked = f"bytes={offset}-{offset + count - 1}"
        request = urllib.request.Request(self._url, headers={**self._headers, "Range": asked})
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                if answer.status == 206:
                    self._check(answer.headers.get("Content-Range", ""), offset)
                elif answer.status == 200 and offset + count <= 8 * FIRST_BYTES:
                    answer.read(offset)  # ranges are ignored there: what lies before is read and dropped
                else:
                    raise CheckpointError(
                        f"{self._label} cannot be looked into: the hub sends no parts of files. Download the model, "
                        "and ask again."
                    )
                content: bytes = answer.read(count)
                return content
        except urllib.error.HTTPError as error:
            raise _refusal(self._label, error.code) from None
        except CheckpointError:  # which is an OSError too
            raise
        except (OSError, HTTPException) as error:
            why = getattr(error, "reason", None) or type(error).__name__
            raise CheckpointError(f"{self._label} cannot be looked into: {why}. Try again, or name a folder.") from None

    def _check(self, said: str, offset: int) -> None:
        if not said.startswith(f"bytes {offset}-"):
            raise CheckpointError(
                f"{self._label} cannot be looked into: bytes from {offset} on were asked for, and the hub answered "
                f"with {said[:60]!r}. Try again."
            )


def _refusal(label: str, status: int) -> CheckpointError:
    if status in (401, 403):
        return GatedModel(
            f"The hub refused {label} ({status}). Accept the model's terms on its page, and log in with `hf auth "
            "login` or set HF_TOKEN."
        )
    if status == 404:
        return ModelNotFound(f"The hub has no file {label}. Check the spelling and the revision.")
    if status == 429:
        return CheckpointError(f"{label} cannot be looked into: the hub was asked too often (429). Wait some minutes.")
    return CheckpointError(f"{label} cannot be looked into: the hub answered {status}. Try again later.")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects without the login, and not from an encrypted address to one that is not."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request that follows, or None where it must not be made."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if before.scheme == "https" != after.scheme:
            return None
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and (before.scheme, before.netloc) != (after.scheme, after.netloc):
            following.remove_header("Authorization")
        return following
