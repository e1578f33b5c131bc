"""predict.py: pictures of any size and mode are read by the champion, or by the model one names."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest
from PIL import Image
from tested_arms import leave_tested_arms

from svhn_lab.data.own import read_square
from svhn_lab.errors import UserError
from svhn_lab.stages import predict, register

CHAMPION = "models:/svhn-small-rendered@champion"


@pytest.fixture
def registered(store: None) -> None:
    leave_tested_arms(baseline=[900])
    register.main()


def pictures(folder: Path) -> list[Path]:
    noise = np.random.default_rng(0).integers(0, 256, (40, 20, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "tall.png")
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        Image.new(mode, (90, 33)).save(folder / f"{mode.replace(';', '')}.png")
    Image.new("CMYK", (7, 5)).save(folder / "small.jpg")
    return sorted(folder.glob("*.*g"))


def test_a_table_and_json_say_what_the_model_says(
    registered: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    files = pictures(folder)
    capsys.readouterr()
    predict.main(files, None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == CHAMPION
    expected = mlflow.pyfunc.load_model(CHAMPION).predict(
        np.stack([read_square(file, 32) for file in files])
    )
    for answer, file, row in zip(found["images"], files, expected, strict=True):
        assert answer["file"] == str(file)
        assert answer["class"] == str(row.argmax())
        assert answer["probability"] == pytest.approx(row.max())
        assert list(answer["probabilities"]) == [str(label) for label in range(10)]
        assert list(answer["probabilities"].values()) == pytest.approx(row)
    predict.main(files, "models:/svhn-small-rendered/1", as_json=False)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["file", "class", "probability", "(models:/svhn-small-rendered/1)"]
    assert [line.split()[:2] for line in lines] == [
        [answer["file"], answer["class"]] for answer in found["images"]
    ]


def test_what_cannot_be_read_is_named_all_at_once(registered: None, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match=r"text\.png: cannot be read(.|\n)*nowhere\.png: cannot be"):
        predict.main([tmp_path / "text.png", tmp_path / "nowhere.png"], None, as_json=False)


def test_a_model_that_is_not_there_is_named_with_what_to_do(store: None, tmp_path: Path) -> None:
    Image.new("L", (32, 32)).save(tmp_path / "digit.png")
    with pytest.raises(
        UserError, match="models:/svhn-small@champion: cannot be loaded from sqlite"
    ):
        predict.main([tmp_path / "digit.png"], None, as_json=False)
    with pytest.raises(UserError, match="name another with --model"):
        predict.main([tmp_path / "digit.png"], "models:/other/1", as_json=False)


def test_where_the_gate_let_none_pass_it_is_said_and_what_can_be_taken(store: None) -> None:
    leave_tested_arms(baseline=[300])  # `gate.min_test_accuracy` is 0.5
    register.main()
    with pytest.raises(
        UserError,
        match=r"has no champion, as .*30\.00%.*`--model models:/svhn-small-rendered@challenger`",
    ):
        predict.default_model()
    leave_tested_arms(baseline=[900], salt="better")
    register.main()
    assert predict.default_model() == CHAMPION
