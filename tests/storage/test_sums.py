"""SHA256SUMS beside files: files that have changed or were added are named."""

import pytest

from jamming.storage.files import StoreError, sha256_of
from jamming.storage.sums import check_sums


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "fig6.h5").write_bytes(b"numbers")
    (tmp_path / "claims.json").write_text("{}")
    names = ("tables/fig6.h5", "claims.json")
    lines = [f"{sha256_of(tmp_path / name)}  {name}\n" for name in names]
    (tmp_path / "SHA256SUMS").write_text("".join([*lines, f"{'0' * 64}  figures/fig6.pdf\n"]))
    return tmp_path


def test_what_was_archived_is_accepted_and_so_is_a_part_of_it(folder):
    check_sums(folder, "tables")
    (folder / "claims.json").unlink()
    check_sums(folder, "tables")


def test_a_folder_without_sums_is_accepted(folder):
    (folder / "SHA256SUMS").unlink()
    check_sums(folder, "tables")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("tables/fig6.h5", "other", "fig6.h5 is not the file that was archived"),
        ("claims.json", "other", "claims.json is not the file that was archived"),
        ("tables/fig7.h5", "more", "fig7.h5 is not listed"),
        ("SHA256SUMS", "nonsense", "SHA256SUMS cannot be read"),
        ("SHA256SUMS", "\0", "SHA256SUMS cannot be read"),
        ("SHA256SUMS", f"{'0' * 64}  {'x' * 300}", "fig6.h5 is not listed"),
    ],
)
def test_what_was_changed_is_named(folder, name, content, sentence):
    (folder / name).write_text(content)
    with pytest.raises(StoreError, match=sentence) as caught:
        check_sums(folder, "tables")
    assert "\n" not in str(caught.value)
