#!/usr/bin/env python3
"""The page of vblip serve, in Chromium without a screen, used as somebody does who has never seen it."""

import os
import shutil
import tempfile
import time
import unittest

from e2e_serve import DOG, Server
from e2e_support import Case, clip, main, make_image

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
# AddressSanitizer's program has nothing to do with how the browser is started.
CLEAN = {k: v for k, v in os.environ.items() if not k.endswith("SAN_OPTIONS")}


@unittest.skipUnless(webdriver and BROWSER and DRIVER, "no Chromium with its driver, or no python3-selenium")
class PageCase(Case):
    size = (1280, 900)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = tempfile.TemporaryDirectory(prefix="vblip-page-")
        for number in range(1, 17):
            shutil.copy(clip(number), cls.served.name)
        make_image(os.path.join(cls.served.name, "still.png"), clip(3))
        cls.server = Server(cls.served.name, "--device", "cpu")
        cls.server.wait(recordings=17)
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         "--window-size=%d,%d" % cls.size, "--user-data-dir=" + os.path.join(cls.served.name, ".profile")):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service(DRIVER, env=CLEAN), options=options)

    @classmethod
    def tearDownClass(cls):
        said = cls.browser.get_log("browser")
        cls.browser.quit()
        code, _ = cls.server.stop()
        cls.served.cleanup()
        assert code == 0 and not said, (code, said)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.browser.get("http://localhost:%d/" % self.server.port)
        self.until(lambda: len(self.all(".hit")) == 17)

    def until(self, is_so, seconds=30):
        """Waits; what fails on the way counts as not yet."""
        end = time.monotonic() + seconds
        while True:
            try:
                if is_so():
                    return
            except Exception:  # a part of the page is being replaced
                if time.monotonic() > end:
                    raise
            self.assertLess(time.monotonic(), end, self.one("body").text)
            time.sleep(0.05)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def keys(self, *pressed):
        self.browser.switch_to.active_element.send_keys(*pressed)

    def script(self, text):
        return self.browser.execute_script("return " + text)

    def search(self, query=DOG):
        box = self.one("#query")
        box.clear()
        box.send_keys(query, Keys.ENTER)
        self.until(lambda: not self.one("#state").text.endswith("…"))

    def first(self):
        return self.all(".hit .text")[0].text.split("\n")[0]


class Page(PageCase):
    def test_a_stranger_finds_plays_and_asks(self):
        self.search()
        self.assertEqual(self.first(), "clip-04.mp4")
        self.assertIn("1 of 17 moments match", self.one("#state").text)
        self.until(lambda: self.script("[...document.querySelectorAll('.hit img')].slice(0, 4)"
                                       ".every((image) => image.naturalWidth === 320)"))
        self.all(".hit")[0].click()
        self.until(lambda: self.script("document.querySelector('video').currentTime") > 0.5)
        self.assertIn("#t=0,3.4", self.one("video").get_attribute("src"))
        self.assertIn("P(match)", self.one("#when").text)
        self.one("#ask input").send_keys("what is in the picture?", Keys.ENTER)
        self.until(lambda: self.all("#answers dd")[0].text == "dog and violin")
        self.one("#describe").click()
        self.until(lambda: self.all("#answers dd")[1].text == "a dog to the left of a violin on a black background")

    def test_captions_beside_the_player(self):
        self.search()
        self.all(".hit")[0].click()
        self.one("#captions").click()
        self.until(lambda: "captions." in self.one("#answers dd").text)
        lines = self.all("#lines button")
        self.assertEqual(lines[0].text.split("\n"), ["0:00", "a dog to the left of a violin on a black background"])

    def test_more_like_this(self):
        self.search("a pizza")
        self.all(".hit")[0].click()
        self.one("#like").click()
        self.until(lambda: self.one("#query").get_attribute("value") == "" and "17 moments" in self.one("#state").text)
        self.assertIn(self.first(), ("clip-03.mp4", "still.png"))

    def test_filters(self):
        self.one("#filter").click()
        self.one("[name=include]").send_keys("clip-1*")
        self.search()
        self.until(lambda: len(self.all(".hit")) == 7)
        self.one("[name=min_p]").send_keys("0.9")
        self.one("#query").send_keys(Keys.ENTER)
        self.until(lambda: self.one("#state").text == "No match.")
        self.one("#filters [type=reset]").click()
        self.until(lambda: len(self.all(".hit")) == 17)

    def test_keys_alone(self):
        self.search()
        self.keys(Keys.ESCAPE)  # leaves the box
        self.keys(Keys.ARROW_RIGHT)
        self.keys(Keys.ARROW_RIGHT)
        self.assertIn("clip", self.script("document.activeElement.innerText"))
        self.keys(Keys.ENTER)
        self.until(lambda: self.one("#moment").is_displayed())
        name = self.one("#name").text
        self.keys(Keys.ARROW_LEFT)
        self.until(lambda: self.one("#name").text != name)
        self.keys("a")
        self.keys("is there a dog?", Keys.ENTER)
        self.until(lambda: self.one("#answers dd").text not in ("", "…"))
        self.keys(Keys.ESCAPE)
        self.keys(Keys.ESCAPE)
        self.until(lambda: not self.one("#moment").is_displayed())
        self.keys("/")
        self.assertEqual(self.script("document.activeElement.id"), "query")

    def test_a_link_to_a_search(self):
        self.browser.get("http://localhost:%d/?q=a+pizza" % self.server.port)
        self.until(lambda: self.first() in ("clip-03.mp4", "still.png"))

    def test_a_picture(self):
        self.search("a pizza")
        names = [hit.text.split("\n")[0] for hit in self.all(".hit .text")]
        self.all(".hit")[names.index("still.png")].click()
        self.until(lambda: self.script("document.querySelector('#player img').naturalWidth") > 0)

    def test_what_is_said_when_the_server_refuses(self):
        self.one("#filter").click()
        self.one("[name=include]").send_keys("x" * 255)
        self.one("#query").send_keys("b" * 1000, Keys.ENTER)
        self.until(lambda: self.one("#state").text == "No match.")


class NarrowPage(PageCase):
    size = (500, 844)  # the narrowest window that Chromium makes

    def test_nothing_sticks_out(self):
        self.search()
        self.all(".hit")[0].click()
        self.until(lambda: self.one("video").is_displayed())
        self.one("#filter").click()
        self.assertLessEqual(self.script("document.documentElement.scrollWidth"), self.script("window.innerWidth"))
        self.assertGreater(self.one("#player").size["width"], 400)


if __name__ == "__main__":
    main()
