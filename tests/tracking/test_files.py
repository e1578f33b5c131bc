"""files.py: what is there is always whole."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from svhn_lab.tracking.files import replacing, write_bytes, write_json


def test_a_file_is_made_with_its_folders_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    write_json(path, {"x": 1})
    write_json(path, {"x": 2})
    assert path.read_text() == '{\n  "x": 2\n}\n'
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "file", float("nan"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_bytes(tmp_path / "folder", b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_what_a_killed_write_leaves_is_nothing_to_dvc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(__file__).parents[2]
    monkeypatch.chdir(project)
    ignored = Repo().dvcignore.is_ignored_file
    with replacing(tmp_path / "images.npy") as beside:
        beside.touch()
        assert ignored(str(project / "data/prepared/train" / beside.name))
    assert not ignored(str(project / "data/prepared/train/images.npy"))
