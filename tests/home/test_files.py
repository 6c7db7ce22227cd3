import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from optim.errors import InputError
from optim.home.files import file_path, hash_files, put_bytes, put_file

pytestmark = pytest.mark.usefixtures("home")


def test_the_name_is_the_sha256_of_the_content(tmp_path):
    source = tmp_path / "a.bin"
    source.write_bytes(b"abc")
    digest = put_file(source, ".npz")
    assert digest == hashlib.sha256(b"abc").hexdigest() == put_bytes(b"abc", ".npz")
    assert file_path(digest, ".npz").read_bytes() == b"abc"


def test_the_same_content_is_kept_once(tmp_path, home):
    digests = {put_bytes(b"same") for _ in range(3)}
    assert len(digests) == 1
    assert len([p for p in home.rglob("*") if p.is_file()]) == 1


def test_what_is_kept_is_never_written_again():
    digest = put_bytes(b"kept")
    before = file_path(digest).stat().st_ino
    put_bytes(b"kept")
    assert file_path(digest).stat().st_ino == before


def test_many_writers_of_one_content_leave_one_whole_file(home):
    data = b"x" * 3_000_000
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: put_bytes(data), range(16)))
    (digest,) = digests
    assert file_path(digest).read_bytes() == data
    assert len([p for p in home.rglob("*") if p.is_file()]) == 1


def test_a_failed_copy_leaves_nothing(tmp_path, home):
    with pytest.raises(FileNotFoundError):
        put_file(tmp_path / "missing")
    assert not [p for p in home.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/..", "0" * 64 + "\n"]
)
def test_no_path_hides_in_a_digest(digest):
    with pytest.raises(InputError, match="SHA-256"):
        file_path(digest)


@pytest.mark.parametrize("suffix", ["npz", "/../x", ".a/b", ".a.b.c", "..", ".npz\n"])
def test_no_path_hides_in_a_suffix(suffix):
    with pytest.raises(InputError, match="suffix"):
        file_path("0" * 64, suffix)


def test_files_are_hashed_one_after_the_other(tmp_path):
    (tmp_path / "a").write_bytes(b"ab")
    (tmp_path / "b").write_bytes(b"c")
    together = hash_files(tmp_path / "a", tmp_path / "b")
    assert together == hashlib.sha256(b"abc").hexdigest()
