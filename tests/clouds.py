"""Google Cloud Storage and Azure Blob Storage on this machine, as far as a table needs them.

    python -m tests.clouds

prints its URL. The bucket is `lake`; one named `read` takes no data files. A process: see `store`.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.program import served

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "account"
"""Of Azure; the others have no path before the bucket."""
BUCKETS = ("lake", "read")
WHEN = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"1"'}
BLOB = (
    "<Blob><Name>{0}</Name><Properties><Content-Type/><Content-Length>{1}</Content-Length>"
    "<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified></Properties></Blob>"
)
OBJECT = (
    "<Contents><Key>{0}</Key><Size>{1}</Size>"
    "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>"
)

objects: dict[tuple[str, str], bytes] = {}
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """Answers both services: they differ in headers, in lists, and in how they refuse."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms behind its head

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.azure = "x-ms-version" in self.headers
        bucket, _, name = unquote(url.path).removeprefix(f"/{ACCOUNT}").strip("/").partition("/")
        if self.azure and not self.headers.get("Authorization", "").startswith(
            f"SharedKey {ACCOUNT}:"
        ):
            self._refuse(403, "AuthenticationFailed")
        elif bucket not in BUCKETS:
            self._refuse(404, "ContainerNotFound" if self.azure else "NoSuchBucket")
        elif not name:
            self._list(bucket, parse_qs(url.query))
        elif self.command == "PUT":
            self._put(bucket, name, data)
        else:
            self._get(objects.get((bucket, name)))

    do_GET = do_HEAD = do_PUT = _answer  # noqa: N815 - their names

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix = query.get("prefix", [""])[0]
        first = query.get("startFrom", [""])[0]  # Azure's: this one or later
        before = query.get("start-after", [""])[0]  # Google's: later than this one
        entry, outer = (BLOB, "Blobs") if self.azure else (OBJECT, "ListBucketResult")
        with lock:
            found = "".join(
                entry.format(name, len(data))
                for (place, name), data in sorted(objects.items())
                if place == bucket and name.startswith(prefix) and first <= name > before
            )
        body = f"<{outer}>{found}</{outer}>"
        if self.azure:
            body = f"<EnumerationResults>{body}<NextMarker/></EnumerationResults>"
        self._send(200, body.encode())

    def _put(self, bucket: str, name: str, data: bytes) -> None:
        if bucket == "read" and name.endswith(".parquet"):
            self._refuse(403, "AccessDenied")
            return
        headers = self.headers
        is_new = headers.get("If-None-Match") == "*" or (
            headers.get("x-goog-if-generation-match") == "0"
        )
        with lock:
            refused = is_new and (bucket, name) in objects
            if not refused:
                objects[bucket, name] = data
        if refused:
            self._refuse(409 if self.azure else 412, "BlobAlreadyExists")
        else:
            self._send(201 if self.azure else 200)

    def _get(self, data: bytes | None) -> None:
        wanted = self.headers.get("Range") or self.headers.get("x-ms-range")
        if data is None:
            self._refuse(404, "BlobNotFound" if self.azure else "NoSuchKey")
        elif wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin = int(first) if first else len(data) - int(last)
            end = min(int(last), len(data) - 1) if first and last else len(data) - 1
            span = {"Content-Range": f"bytes {begin}-{end}/{len(data)}"}
            self._send(206, data[begin : end + 1], span)
        else:
            self._send(200, data)

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>{code}, so there</Message></Error>"
        self._send(status, body.encode(), {"x-ms-error-code": code})

    def _send(self, status: int, body: bytes = b"", more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**WHEN, "Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def clouds() -> Iterator[dict[str, str]]:
    """Serve until the block ends; give the environment that leads there, for both."""
    key = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    with served("tests.clouds") as url:
        yield {
            "GOOGLE_BASE_URL": url,
            "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps({**key, "gcs_base_url": url}),
            "AZURE_STORAGE_ENDPOINT": f"{url}/{ACCOUNT}",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": "c2VjcmV0",
        }


class Store(ThreadingHTTPServer):
    """Lets more connections wait than the five that are usual: the library opens many at once."""

    request_queue_size = 128


def main() -> None:
    with Store(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
