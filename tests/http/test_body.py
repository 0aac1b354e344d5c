"""What becomes of a body on its way from the network to the parser."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditctl.http import body
from auditctl.http.body import LARGEST_ANSWER, PIECE, TooLargeError

MARK = b"\xef\xbb\xbf"


class Stream(httpx.SyncByteStream):
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces


def response(pieces: Iterable[bytes], *codings: str) -> httpx.Response:
    headers = [("Content-Encoding", coding) for coding in codings]
    return httpx.Response(200, headers=headers, stream=Stream(pieces))


def deflated(data: bytes, wbits: int, level: int = -1) -> bytes:
    packer = zlib.compressobj(level, wbits=wbits)
    return packer.compress(data) + packer.flush()


def cut(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


CONTENT = st.binary(max_size=50) | st.integers(0, 3 * PIECE).map(lambda size: b"a" * size)
SIZES = st.lists(st.integers(0, 40), max_size=30)


@given(st.lists(CONTENT, min_size=1, max_size=4), SIZES, st.integers(0, 9))
def test_all_members_of_gzip_are_read_in_whatever_pieces_they_come(
    members: list[bytes], sizes: list[int], zeros: int
) -> None:
    packed = b"".join(map(gzip.compress, members)) + bytes(zeros)
    content = b"".join(members).removeprefix(MARK)
    for coding in ("gzip", "x-gzip", "GZIP", " gzip , identity"):
        assert body.read(response(cut(packed, sizes), coding)) == content


@given(CONTENT, SIZES, st.sampled_from([15, -15, 31]), st.integers(-1, 9))
def test_deflate_is_read_in_both_its_forms(
    content: bytes, sizes: list[int], wbits: int, level: int
) -> None:
    packed = deflated(content, wbits, level)
    read = body.read(response(cut(packed, sizes), "deflate"))
    assert read == content.removeprefix(MARK)


@given(st.lists(st.binary(min_size=1, max_size=99), min_size=1, max_size=3), st.data(), SIZES)
def test_what_ends_within_a_member_is_an_error(
    members: list[bytes], data: st.DataObject, sizes: list[int]
) -> None:
    packed = [gzip.compress(member) for member in members]
    last = data.draw(st.integers(1, len(packed[-1]) - 1))
    broken = b"".join(packed[:-1]) + packed[-1][:last]
    with pytest.raises(httpx.DecodingError, match="ends too early"):
        body.read(response(cut(broken, sizes), "gzip"))


@given(st.binary(max_size=9), SIZES)
def test_a_byte_order_mark_is_left_out_once(content: bytes, sizes: list[int]) -> None:
    assert body.read(response(cut(MARK + content, sizes))) == content
    packed = gzip.compress(MARK + content)
    assert body.read(response(cut(packed, sizes), "gzip")) == content


def test_compressions_on_top_of_each_other_are_undone_in_turn() -> None:
    packed = gzip.compress(deflated(b"[1]", 15))
    assert body.read(response([packed], "deflate", "gzip")) == b"[1]"
    assert body.read(response([packed], "deflate, gzip")) == b"[1]"


@pytest.mark.parametrize(
    ("packed", "coding", "said"),
    [
        (b"[]", "gzip", "incorrect header"),
        (b"[]", "br", "compressed as br, which was not asked for"),
        (gzip.compress(b"[]", mtime=0)[:-8] + bytes(8), "gzip", "incorrect data check"),
        (gzip.compress(b"[]", mtime=0) + b"[]", "gzip", "incorrect header"),
        (b"[]", ",".join(["gzip"] * 9), "several times"),
    ],
)
def test_what_cannot_be_decompressed_is_an_error(packed: bytes, coding: str, said: str) -> None:
    with pytest.raises(httpx.DecodingError, match=said):
        body.read(response([packed], coding))


@pytest.mark.parametrize("coding", ["none", "UTF-8", "binary", "aws-chunked", ""])
def test_what_is_no_compression_is_read_as_it_is(coding: str) -> None:
    assert body.read(response([b"[]"], coding)) == b"[]"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
def test_nothing_is_nothing_however_it_is_called(coding: str) -> None:
    assert body.read(response([], coding)) == b""


def test_the_content_of_a_response_that_was_made_of_it_is_read() -> None:
    made = httpx.Response(200, content=gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"})
    assert body.read(made) == b"[]"


@pytest.mark.parametrize("widest", ["\U0001f600".encode(), rb"\ud83d\ude00"])
def test_a_text_counts_as_wide_as_its_widest_character(widest: bytes) -> None:
    # In Python it takes four times its bytes, and what is made of it as much again.
    pieces = [b'"', *[b"y" * 2**20] * 80, b'"']
    assert len(body.read(response(pieces))) == 80 * 2**20 + 2
    with pytest.raises(TooLargeError):
        body.read(response([*pieces[:-1], widest, b'"']))


def bomb(filling: bytes, size: int) -> Iterator[bytes]:
    """Pack so many bytes of a filling, a megabyte at a time."""
    packer = zlib.compressobj(1, wbits=31)
    block = filling * (2**20 // len(filling))
    for _ in range(size // len(block)):
        yield packer.compress(block)
    yield packer.flush()


def test_of_a_small_body_that_is_huge_no_more_is_unpacked_than_is_allowed() -> None:
    taken = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for piece in bomb(b" ", 4 * LARGEST_ANSWER):
            taken += 1
            yield piece

    with pytest.raises(TooLargeError):
        body.read(response(counted(), "gzip"))
    assert taken <= 1.2 * LARGEST_ANSWER / 2**20
    (piece, *_) = body.chunks(response([gzip.compress(bytes(PIECE * 100))], "gzip"))
    assert len(piece) == PIECE


@pytest.mark.parametrize("filling", [b"[],", b"[", b"{},0,"])
def test_a_body_of_very_many_values_is_not_parsed(filling: bytes) -> None:
    with pytest.raises(TooLargeError):
        body.read(response([filling * (8 * 2**20 // len(filling))]))


def test_a_body_that_only_goes_on_is_not_read_for_ever() -> None:
    packer = zlib.compressobj(wbits=31)

    def endless() -> Iterator[bytes]:
        yield packer.flush(zlib.Z_FULL_FLUSH)
        while True:
            yield b"\0\0\0\xff\xff" * 2**18  # blocks of nothing

    with pytest.raises(TooLargeError):
        body.read(response(endless(), "gzip"))
