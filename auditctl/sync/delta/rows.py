"""The rows of a table: records as columns, and a digest of their content."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson

from auditctl.records import arrow
from auditctl.records.record import FIELDS, Record

COLUMNS = (*FIELDS[:2], "source", *FIELDS[2:], "date")
PARTITIONS = ("provider", "date")
SCHEMA = arrow.schema(COLUMNS)
MODULUS = 2**256
DAY = 24 * 60 * 60 * 1_000_000
"""Microseconds."""


def columns(records: Sequence[Record], source: str) -> list[Sequence[Any]]:
    """Return the records of a source as the columns of a table: numbers, texts and nulls.

    A time is its microseconds and a date its days since 1970.
    """
    # Records have their fields in this order: to look each up takes three times as long.
    found = list(zip(*map(dict.values, records), strict=True)) or [()] * len(FIELDS)
    values = {name: arrow.plain(name, of_one) for name, of_one in zip(FIELDS, found, strict=True)}
    values["source"] = [source] * len(records)
    values["date"] = [None if time is None else time // DAY for time in values["time"]]
    return [values[name] for name in COLUMNS]


def digests(columns: Sequence[Sequence[Any]]) -> list[int]:
    """Return the digest of each row: the SHA-256 of its values as a compact JSON array.

    The values are those that `columns` returns, in the order of `COLUMNS`. Tables hold sums of
    these numbers, so none of this may ever change.
    """
    dumps, number = orjson.dumps, int.from_bytes
    return [number(sha256(dumps(row)).digest()) for row in zip(*columns, strict=True)]


def add(digest: str, numbers: Sequence[int]) -> str:
    """Add digests to the digest of other rows.

    A sum, so that neither the order of rows nor the files that they are in make a difference. Not
    an exclusive or, in which a row that is there three times counts as one.
    """
    return f"{(int(digest, 16) + sum(numbers)) % MODULUS:064x}"
