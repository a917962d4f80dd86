"""Whether a request may be changed so that a stream tells its usage: only if it is between program and provider alone.

Mocks and recorders would see another request than the program made, and a signature would not fit any more. What is
known to be real is listed by each transport; all else is left alone.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType
    from typing import Any

SIGNS = ("signature", "digest", "content-md5", "sha256", "hmac")
"""Parts of the names of headers that depend on the body (RFC 9421, RFC 9530, AWS, webhooks)."""
SIGNED = ("aws4-", "hmac", "signature")
"""How such an ``authorization`` begins."""


def is_signed(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the headers of a request may tell something of its body beside its length."""
    for name, value in headers:
        header = name.lower().decode("latin-1")
        if any(sign in header for sign in SIGNS):
            return True
        if header == "authorization" and value.lower().decode("latin-1").startswith(SIGNED):
            return True
    return False


def is_own(module: ModuleType, *methods: Any) -> bool:
    """Whether these methods are the ones that the module defines.

    What mocks and recorders put in their places was written elsewhere, whatever it calls itself. A tracer that only
    wraps them (wrapt) still shows the code inside.
    """
    home = os.path.join(module.__path__[0], "")
    return all(method.__code__.co_filename.startswith(home) for method in methods)
