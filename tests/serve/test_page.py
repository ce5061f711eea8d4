"""The page in a real browser, where Chromium and its driver are installed."""

import base64
import functools
import http.server
import io
import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from test_answer import COLORS

import fnn
from fnn.models import Spec
from fnn.recognizer.recognizer import untrained
from fnn.serve.pyodide import from_folder
from fnn.serve.respond import responder
from fnn.serve.server import listening
from fnn.serve.site import write_site

webdriver = pytest.importorskip("selenium.webdriver", reason="drives a browser with selenium")
Image = pytest.importorskip("PIL.Image", reason="makes pictures with pillow")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (BROWSER and DRIVER):
    pytest.skip("the page is tested in Chromium, with chromedriver", allow_module_level=True)

from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

PATIENCE = 60  # seconds, after which something is broken rather than slow
QUIET = ("gpu", "quic", "first-run", "background-networking", "component-update", "sync")
STROKES = {  # places on the paper, in shares of its sides
    "3": [[(0.3, 0.2), (0.5, 0.12), (0.68, 0.25), (0.6, 0.42), (0.45, 0.48), (0.65, 0.55),
           (0.7, 0.72), (0.52, 0.88), (0.3, 0.8)]],
    "7": [[(0.28, 0.2), (0.7, 0.2), (0.55, 0.5), (0.45, 0.85)]],
    "4": [[(0.4, 0.15), (0.3, 0.5), (0.72, 0.5)], [(0.6, 0.3), (0.58, 0.88)]],
}  # fmt: skip


class Page:
    """A browser with the page."""

    def __init__(self, driver, url):
        self.driver = driver
        driver.get(url)
        self.until(lambda: self.there("loading") is False or self.trouble)

    def until(self, true):
        WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _: true())

    def find(self, name):
        return self.driver.find_element(By.ID, name)

    def there(self, name):
        return self.find(name).is_displayed()

    def script(self, code, *args):
        return self.driver.execute_script(code, *args)

    @property
    def said(self):
        return self.script("return document.getElementById('said').textContent")

    @property
    def trouble(self):
        return "trouble" in self.find("said").get_attribute("class")

    @property
    def best(self):
        return self.script("return document.querySelector('#said b')?.textContent ?? ''")

    @property
    def rows(self):
        """The name of each class that is shown and, if there is an answer, its share."""
        return self.script(
            "return [...document.querySelectorAll('#bars li')].map((row) =>"
            "[row.firstChild.textContent, row.lastChild.textContent].filter((text) => text))"
        )

    def draw(self, strokes, kind="mouse"):
        pad = self.find("pad")
        width, height = pad.size["width"], pad.size["height"]
        for stroke in strokes:
            chain = ActionChains(self.driver, duration=20)
            if kind != "mouse":
                pointer = webdriver.common.actions.pointer_input.PointerInput(kind, kind)
                chain = ActionChains(self.driver, duration=20, devices=[pointer])
            places = [(int((x - 0.5) * width), int((y - 0.5) * height)) for x, y in stroke]
            chain.move_to_element_with_offset(pad, *places[0]).click_and_hold()
            for place in places[1:]:
                chain.move_to_element_with_offset(pad, *place)
            chain.release().perform()

    def bring(self, data, name, kind, how):
        """Drop or paste a file."""
        self.script(
            """const [text, name, type, how] = arguments;
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const carried = new DataTransfer();
            carried.items.add(new File([bytes], name, { type }));
            const about = { bubbles: true, cancelable: true };
            document.body.dispatchEvent(how === "paste"
              ? new ClipboardEvent("paste", { ...about, clipboardData: carried })
              : new DragEvent("drop", { ...about, dataTransfer: carried }));""",
            base64.b64encode(data).decode(),
            name,
            kind,
            how,
        )

    def complaints(self):
        """What the browser's console has, such as errors and refusals by the policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    profile = tmp_path_factory.mktemp("profile")
    flags = ["headless=new", "no-sandbox", "window-size=1100,850", f"user-data-dir={profile}"]
    for flag in (*flags, *(f"disable-{name}" for name in QUIET)):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@contextmanager
def in_thread(server):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    with server:
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def digits_url():
    with in_thread(listening(responder(fnn.pretrained(), "The network: a test."), 0)) as url:
        yield url


@pytest.fixture
def page(driver, digits_url):
    page = Page(driver, digits_url)
    yield page
    assert page.complaints() == []


def file_of(pixels, kind="png"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def seven():
    """A photo of a 7: dark blue on light yellow."""
    tone = np.full((300, 200, 3), (240, 230, 200), np.uint8)
    tone[60:80, 50:150] = tone[60:240, 130:150] = (30, 40, 90)
    return tone


@pytest.mark.parametrize("kind", ["mouse", "pen", "touch"])
def test_digits_that_are_drawn_are_read(page, kind):
    assert page.said.startswith("Draw here")
    assert not page.there("seen")
    for digit, strokes in STROKES.items():
        page.draw(strokes, kind)
        page.until(lambda digit=digit: page.best == digit)
        assert "probability" in page.said
        assert [row[0] for row in page.rows] == list("0123456789")
        assert page.there("seen")
        page.find("clear").click()
        page.until(lambda: page.said.startswith("Draw here"))
        assert not page.there("seen")


def test_bars_follow_while_one_draws(page):
    pad = page.find("pad")
    chain = ActionChains(page.driver, duration=20).move_to_element_with_offset(pad, -60, -120)
    chain.click_and_hold().move_by_offset(100, 0).move_by_offset(0, 60).perform()
    page.until(lambda: len(page.rows[0]) == 2)  # there are shares before the pen is lifted
    ActionChains(page.driver).release().perform()


def test_undo_and_clear_by_button_and_key(page):
    page.draw(STROKES["4"])
    page.until(lambda: page.best == "4")
    page.find("undo").click()
    page.draw(STROKES["4"][1:])
    page.until(lambda: page.best == "4")
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.until(lambda: page.said.startswith("Draw here"))
    assert not page.find("undo").is_enabled()
    assert not page.find("clear").is_enabled()
    page.draw(STROKES["7"])
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    page.until(lambda: page.said.startswith("Draw here"))


def test_buttons_by_keyboard(page):
    page.draw(STROKES["7"])
    page.until(lambda: page.best == "7")
    page.script("arguments[0].focus()", page.find("undo"))
    ActionChains(page.driver).send_keys(Keys.TAB).perform()
    page.until(lambda: page.script("return document.activeElement.id") == "clear")
    ActionChains(page.driver).send_keys(Keys.ENTER).perform()
    page.until(lambda: page.said.startswith("Draw here"))


@pytest.mark.parametrize("how", ["drop", "paste", "choose"])
def test_a_photo(page, tmp_path, how):
    page.draw(STROKES["3"])
    if how == "choose":
        (tmp_path / "seven.jpg").write_bytes(file_of(seven(), "jpeg"))
        page.find("file").send_keys(str(tmp_path / "seven.jpg"))
    else:
        page.bring(file_of(seven()), "seven.png", "image/png", how)
    page.until(lambda: page.best == "7")
    page.draw(STROKES["3"])  # a stroke takes the photo away
    page.until(lambda: page.best == "3")


def test_a_large_photo_is_made_smaller(page):
    large = np.kron(seven(), np.ones((12, 12, 1), np.uint8))  # 3600 x 2400
    page.bring(file_of(large), "large.png", "image/png", "drop")
    page.until(lambda: page.best == "7")


def test_trouble_is_told_in_words(page):
    page.bring(file_of(np.full((50, 50), 255, np.uint8)), "blank.png", "image/png", "drop")
    page.until(lambda: page.trouble)
    assert "the picture is blank or its ink too faint" in page.said
    assert [row for row in page.rows if len(row) > 1] == []
    page.bring(b"no picture", "notes.heic", "image/heic", "drop")
    page.until(lambda: "notes.heic" in page.said)
    assert "choose PNG, JPEG or WebP" in page.said
    page.draw(STROKES["7"])
    page.until(lambda: page.best == "7")
    assert not page.trouble


def test_a_server_that_is_gone(driver, start):
    with start("fnn-serve", "--params", "random", "--port", 0) as serving:
        page = Page(driver, serving.stdout.readline().split()[0])
        serving.terminate()
        assert serving.wait() == 0
    page.draw(STROKES["7"])
    page.until(lambda: page.trouble)
    assert "is it still running" in page.said
    page.complaints()


def test_a_network_for_pictures(driver):
    with in_thread(listening(responder(COLORS, "Pets."), 0)) as url:
        page = Page(driver, url)
        assert "picture" in page.find("title").text
        assert [row[0] for row in page.rows] == ["cat", "dog", "a horse"]
        page.draw(STROKES["3"])  # this paper is not for drawing
        assert page.said == "No picture yet."
        page.bring(file_of(seven()), "x.png", "image/png", "drop")
        page.until(lambda: page.best in ("cat", "dog", "a horse"))
        shares = [float(row[1].strip(">%")) for row in page.rows]
        assert sum(shares) == pytest.approx(100, abs=0.2)
        assert page.script("return arguments[0].naturalWidth", page.find("seen")) == 5
        assert page.complaints() == []


def test_of_many_classes_the_likeliest_are_shown(driver):
    names = tuple(f"a class called {i}" for i in range(30))
    many = untrained(Spec("mlp", (6, 5, 3), 30, {}, names=names))
    with in_thread(listening(responder(many, ""), 0)) as url:
        page = Page(driver, url)
        page.bring(file_of(seven()), "x.png", "image/png", "drop")
        page.until(lambda: page.best)
        shares = [float(row[1].strip(">%")) for row in page.rows]
        assert len(shares) == 10
        assert shares == sorted(shares, reverse=True)
        assert page.rows[0][0] == page.best


@pytest.mark.parametrize("width", [340, 700, 1400])
def test_nothing_sticks_out(page, width):
    about = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", about)
    try:
        page.draw(STROKES["3"])
        page.until(lambda: page.best == "3")
        assert page.script("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dark_and_light(page):
    tones = {}
    for scheme in ("dark", "light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        tones[scheme] = page.script(
            "return getComputedStyle(document.querySelector('#about')).color"
        )
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert tones["dark"] != tones["light"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.skipif(
    "FNN_PYODIDE" not in os.environ, reason="FNN_PYODIDE names no folder with Pyodide and NumPy"
)
def test_fnn_in_the_browser_and_offline(driver, tmp_path):
    found = fnn.pretrained()
    pyodide = from_folder(Path(os.environ["FNN_PYODIDE"]), ["numpy"])
    write_site(tmp_path / "site", found, "The network: a test.", None, pyodide)
    handler = functools.partial(Quiet, directory=tmp_path / "site")
    with in_thread(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as url:
        page = Page(driver, url)
    for digit, strokes in STROKES.items():  # the server is gone
        page.draw(strokes)
        page.until(lambda digit=digit: page.best == digit)
        page.find("clear").click()
    page.bring(file_of(np.full((50, 50), 255, np.uint8)), "blank.png", "image/png", "drop")
    page.until(lambda: "the picture is blank" in page.said)
    assert page.complaints() == []
