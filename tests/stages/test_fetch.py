"""fetch.py: a folder is replaced as a whole."""

from pathlib import Path

from svhn_lab.stages.fetch import replace_folder


def test_a_folder_takes_the_place_of_another_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for turn in ("first", "second"):
        new = tmp_path / ".raw.new"
        new.mkdir()
        (new / turn).touch()
        replace_folder(new, tmp_path / "raw")
        assert [path.name for path in tmp_path.iterdir()] == ["raw"]
        assert [path.name for path in (tmp_path / "raw").iterdir()] == [turn]
