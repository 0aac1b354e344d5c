"""Origins of URLs, and the check whether a URL may be used at all."""

import ipaddress
from urllib.parse import urlsplit

from auditctl.errors import UsageError

Origin = tuple[str, str, int | None]
"""Scheme, host and port."""


def origin_of(url: str) -> Origin:
    """Return the origin of a URL, its port written out.

    Raises:
        ValueError: it is not a URL.

    """
    parts = urlsplit(url)
    port = {"https": 443, "http": 80}.get(parts.scheme) if parts.port is None else parts.port
    return parts.scheme, parts.hostname or "", port


def host_and_port(origin: Origin) -> str:
    """Return the host and port of an origin as a URL has them."""
    _, host, port = origin
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def checked_base_url(base_url: str, named: str) -> str:
    """Accept https, and plain http to this machine itself only.

    Raises:
        UsageError: it may not be used; ``named`` is what the sentence calls it.

    """
    message = f"{named} may not be used: "
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
        host.encode("idna")
        if parts.port == 0 or not base_url.isprintable() or " " in base_url:
            raise UsageError(f"{message}no request can be sent there.")
    except ValueError:  # whose words may hold a part of what should have been a password
        raise UsageError(f"{message}it is no URL.") from None
    if parts.scheme not in ("https", "http") or not host:
        quotes = ", without quotes" if base_url[:1] in ("'", '"') else ""
        raise UsageError(f"{message}write it like https://api.example.com/v1{quotes}.")
    if parts.username is not None or "?" in base_url or "#" in base_url:
        raise UsageError(f"{message}it may hold no user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{message}plain http would send the credentials in the clear. Use https:// "
            "(http is for 127.0.0.1, ::1 and localhost only)."
        )
    return base_url


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
