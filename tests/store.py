"""An S3 of moto on this machine, as a process of its own, that fails now and then on demand.

    python -m tests.store --every 9 --seed 1

prints its URL. A process, since the library for tables keeps Python waiting while it reads.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import random
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from tests.program import served

BUCKET = "lake"
LOST = "lost"
"""What was asked for is done, and the answer is 500."""
TROUBLES = (500, 503, 409, LOST)


class Store:
    """Moto's S3, with one trouble in so many requests."""

    def __init__(self, every: int, seed: int) -> None:
        self.app: Any = DomainDispatcherApplication(create_backend_app)
        self.every = every
        self.dice = random.Random(seed)
        self.lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with self.lock:
            trouble = None
            if self.every and self.dice.randrange(self.every) == 0:
                trouble = self.dice.choice(TROUBLES)
        # Only what is put with a condition may meet another that is put at the same time.
        if trouble == 409 and "HTTP_IF_NONE_MATCH" not in environ:
            trouble = 503
        if trouble is not None:
            if trouble is LOST:
                run_wsgi_app(self.app, environ, buffered=True)
            status = trouble if isinstance(trouble, int) else 500
            return Response(b"<Error/>", status=status)(environ, start)
        answer: Iterable[bytes] = self.app(environ, start)
        return answer


@contextlib.contextmanager
def store(*words: str) -> Iterator[dict[str, str]]:
    """Serve until the block ends; give the environment that leads there."""
    with served("tests.store", *words) as url:
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "example",
            "AWS_SECRET_ACCESS_KEY": "example_secret",
            "AWS_REGION": "us-east-1",
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.store", description=__doc__)
    parser.add_argument("--every", type=int, default=0, help="one trouble in so many requests")
    parser.add_argument("--seed", type=int, default=1, help="where its dice begin")
    args = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    made = Store(args.every, args.seed)
    server = make_server("127.0.0.1", 0, made, threaded=True)
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(BUCKET, "us-east-1")
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
