"""The page and MLflow's own pages in a real browser, after a tiny lab: what a reader sees, does,
and needs to be able to do without seeing or without a mouse."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from clone import Clone, kill, tiny_clone
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from servers import answers, free_port

from svhn_lab.stages.ui import LOOPBACK
from svhn_lab.tracking.notes import runs_page

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# No sandbox, as it cannot be had inside a container; no calls home.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
SECTIONS = (
    *("headline", "digits", "recipes", "networks", "claims", "curves"),
    *("transfer", "errors", "graph", "reproduce"),
)
SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", Path(__file__).parents[1] / ".cache/screenshots"))
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=740)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = tiny_clone(tmp_path_factory.mktemp("browser") / "lab")
    clone.run("dvc", "repro")
    return clone


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(lab: Clone, browser: Browser) -> Iterator[Page]:
    """The lab's page, opened from disk by a browser that can reach nothing; a word on its console
    fails the test."""
    context = browser.new_context(viewport=WIDE, offline=True)
    said: list[str] = []
    requested: list[str] = []
    opened = context.new_page()
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: requested.append(request.url))
    opened.goto((lab.path / "results/page/index.html").as_uri())
    yield opened
    context.close()
    assert not said
    assert [url for url in requested if not url.startswith(("data:", "file:", "blob:"))] == []


def screenshot(page: Page, name: str, *, whole: bool = False) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)


def lines(page: Page, kind: str) -> list[str]:
    """The arms that a chart of the curves has lines of on validation digits."""
    drawn = page.locator(f"svg[data-kind={kind}] polyline[data-split=validation]")
    return [str(line.get_attribute("data-arm")) for line in drawn.all()]


def test_every_section_is_there_and_every_picture_is_described(page: Page, lab: Clone) -> None:
    for section in SECTIONS:
        assert page.locator(f"section#{section}").is_visible(), section
        if section != "headline":
            page.locator(f"nav a[href='#{section}']").click()
    pictures = page.locator("main img, main [role=img]").all()
    assert len(pictures) > 20
    for picture in pictures:
        assert picture.get_attribute("alt") or picture.get_attribute("aria-label")
    assert (lab.path / "results/page/index.html").stat().st_size < 5e6
    screenshot(page, "page", whole=True)


def test_arms_are_switched_on_and_off(page: Page) -> None:
    assert set(lines(page, "accuracy")) == {"baseline", "crop"} == set(lines(page, "loss"))
    page.get_by_label("crop", exact=True).uncheck()
    assert lines(page, "accuracy") == lines(page, "loss") == ["baseline"]
    page.get_by_role("button", name="None", exact=True).click()
    assert lines(page, "loss") == []
    page.get_by_role("button", name="All", exact=True).click()
    assert set(lines(page, "loss")) == {"baseline", "crop"}


def test_values_are_shown_by_pointer_and_by_keyboard(page: Page, lab: Clone) -> None:
    chart, values = page.locator("svg[data-kind=accuracy]"), page.locator("p.values")
    assert values.text_content() == ""
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 60, "y": 100})
    assert "Epoch 1 " in str(values.text_content())
    page.locator("svg[data-kind=loss]").focus()
    page.keyboard.press("ArrowRight")
    said = str(values.text_content())
    last = [
        json.loads((lab.path / f"results/train/crop/seed-{seed}/metrics.json").read_text())
        for seed in (0, 1)
    ]
    mean = sum(100 * each["validation_accuracy"] for each in last) / 2
    assert "Epoch 2 " in said and f"crop: validation {mean:.2f} %" in said
    assert page.evaluate("document.activeElement.dataset.kind") == "loss"
    screenshot(page, "curves")


def test_a_table_is_saved_as_csv_with_all_digits(page: Page, lab: Clone) -> None:
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download as CSV: Arms that change the recipe").click()
    assert saved.value.suggested_filename == "recipe-arms.csv"
    with saved.value.path().open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    arms = lab.read("results/evaluation.json")["arms"]
    assert [row["Arm"] for row in rows] == ["baseline", "crop"]
    saved_means = [float(row["Test"]) for row in rows]
    assert saved_means == pytest.approx([100 * arms[row["Arm"]]["mean"] for row in rows], rel=1e-12)
    assert float(rows[1]["Difference"]) == pytest.approx(100 * arms["crop"]["difference"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_sideways_scroll_on_a_phone(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    screenshot(page, f"phone-{scheme}", whole=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    faults = [
        (fault["id"], fault["impact"], [node["target"] for node in fault["nodes"]][:3])
        for fault in Axe().run(page).response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
    assert faults == []


def test_the_page_can_be_printed(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible() and page.locator("#curves svg").first.is_visible()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.pdf(path=SCREENSHOTS / "page.pdf", format="A4")


def test_without_javascript_there_are_the_curves_of_a_few_arms(
    lab: Clone, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto((lab.path / "results/page/index.html").as_uri())
    assert opened.locator("#curves noscript svg").is_visible()
    assert not opened.locator("#curves-app").is_visible()
    context.close()


@pytest.fixture(scope="module")
def mlflow_pages(lab: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `svhn-lab ui` shows the lab's store."""
    port, log = free_port(), tmp_path_factory.mktemp("ui") / "log.txt"
    process = lab.start("python", "-m", "svhn_lab", "ui", "--port", str(port))
    try:
        answers(f"http://{LOOPBACK}:{port}/health", log)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        kill(process)


@pytest.fixture
def mlflow_page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1600, "height": 900})
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def test_mlflow_lists_runs_by_name_below_what_stands_for_them(
    mlflow_page: Page, mlflow_pages: str
) -> None:
    mlflow_page.goto(mlflow_pages + runs_page("1"))
    mlflow_page.get_by_text("train/crop", exact=True).wait_for()
    assert not mlflow_page.get_by_text("train/crop/seed-0", exact=True).is_visible()
    for column in ("test_accuracy", "parameters", "net"):
        assert mlflow_page.get_by_text(column, exact=True).first.is_visible()
    screenshot(mlflow_page, "mlflow-runs")


def test_mlflow_compares_runs(mlflow_page: Page, mlflow_pages: str, lab: Clone) -> None:
    chosen = [
        run.info.run_id
        for run in lab.keyed_runs()
        if run.info.run_name in ("train/baseline/seed-0", "train/crop/seed-0")
    ]
    query = f'runs=["{chosen[0]}","{chosen[1]}"]&experiments=["1"]'
    mlflow_page.goto(f"{mlflow_pages}/#/compare-runs?{query}")
    mlflow_page.get_by_text("Comparing 2 Runs").first.wait_for()
    mlflow_page.get_by_text("train/crop/seed-0").first.wait_for()
    screenshot(mlflow_page, "mlflow-compare", whole=True)


def test_mlflow_shows_the_champion(mlflow_page: Page, mlflow_pages: str) -> None:
    mlflow_page.goto(f"{mlflow_pages}/#/models/svhn-small-rendered")
    mlflow_page.get_by_text("champion").first.wait_for()
    screenshot(mlflow_page, "mlflow-champion")


def test_a_run_says_what_it_is(mlflow_page: Page, mlflow_pages: str, lab: Clone) -> None:
    [run] = [run for run in lab.keyed_runs() if run.info.run_name == "train/crop"]
    mlflow_page.goto(f"{mlflow_pages}/#/experiments/1/runs/{run.info.run_id}")
    mlflow_page.get_by_text("stands for 2 runs").first.wait_for()
    screenshot(mlflow_page, "mlflow-run")
