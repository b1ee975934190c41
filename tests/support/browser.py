"""Helpers for tests in a real browser: the service, visitors, actions on a page."""

import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Playwright,
    Request,
    Route,
    ViewportSize,
    expect,
)
from playwright.sync_api import (
    Error as PlaywrightError,
)

from support.assets import REPOSITORY
from support.servers import Server, free_port
from support.waiting import PATIENCE_SECONDS, wait_until

CHROMIUM = os.environ.get("NST_CHROMIUM", "/usr/bin/chromium")
HEADLESS = os.environ.get("NST_CHROMIUM") or which("chromium-headless-shell") or CHROMIUM
"""Chromium without the interface around its pages, for which each visitor costs a third of the CPU
time."""
SERVE = "from nst.cli.main import main; main(['serve', *__import__('sys').argv[1:]])"

PATIENCE_MS = 1000 * PATIENCE_SECONDS

expect.set_options(timeout=PATIENCE_MS)

WIDE: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 360, "height": 740}


def nst_serve(folder: Path, program: str = SERVE, **settings: str) -> Server:
    """Return `nst serve` with one worker, which keeps all of its data in `folder`.
    `program`: Python code that starts it."""
    port = free_port()
    environment = {
        "NST_CACHE_DIR": str(folder / "cache"),
        "NST_DATA_DIR": str(folder / "data"),
        "NST_OFFLINE": "1",
        "NST_REQUESTS_PER_MINUTE": "1000000",
        "PYTHONPATH": str(REPOSITORY / "src"),
        "OMP_NUM_THREADS": "1",
        **settings,
    }
    return Server(
        [sys.executable, "-c", program, "--port", str(port)],
        port,
        folder / "serve.log",
        environment=environment,
        farewell=signal.SIGTERM,
    )


OFF_WITH_PLAYWRIGHT = (
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect"),
    *("OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"),
)
"""Features of Chromium that Playwright turns off.
Playwright does not offer this list, and Chromium obeys only the last of two lists."""
SUGGESTIONS = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
"""Features of Chromium that show suggestions of the address bar.
They add two pages to each window, which take a second of CPU time."""
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    f"--disable-features={','.join((*OFF_WITH_PLAYWRIGHT, *SUGGESTIONS))}",
]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=HEADLESS, args=SWITCHES, timeout=PATIENCE_MS)


@contextmanager
def visitor_with_preferences(
    browser: Browser, address: str, folder: Path, preferences: dict[str, Any]
) -> Iterator[BrowserContext]:
    """Open a browser context for a visitor who has changed settings of Chromium.
    `preferences`: the settings, as Chromium's file Preferences names them below `profile`.
    `folder`: directory of the browser's data."""
    profile = folder / "Default"
    profile.mkdir(parents=True)
    (profile / "Preferences").write_text(json.dumps({"profile": preferences}))
    context = browser.browser_type.launch_persistent_context(
        folder,
        executable_path=CHROMIUM,
        args=SWITCHES,
        timeout=PATIENCE_MS,
        base_url=f"http://{address}",
        viewport=WIDE,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def visitor(
    browser: Browser,
    address: str,
    path: str = "/",
    pictures: str | None = None,
    *,
    live_draft: bool = False,
    **preferences: Any,
) -> Iterator[BrowserContext]:
    """Open a browser context for a visitor who has cookies of their own.
    Assert that no request goes to another host, or to a path outside `path`, below which the
    page is served. `pictures`: host and port that may be requested, too. `live_draft`: whether
    the studio paints drafts by itself; drafts are jobs, too."""
    # The service worker is blocked: no test would see its requests or could hold them back.
    defaults = {"viewport": WIDE, "reduced_motion": "reduce", "service_workers": "block"}
    preferences = {**defaults, **preferences}
    context = browser.new_context(base_url=f"http://{address}{path}", **preferences)
    context.set_default_timeout(PATIENCE_MS)
    elsewhere: list[str] = []
    allowed = [f"http://{address}{path.rstrip('/')}(/|$)", "blob:", "data:"]
    if pictures:
        allowed.append(f"http://{pictures}/")

    def note(request: Request) -> None:
        if not re.match("|".join(allowed), request.url):
            elsewhere.append(request.url)

    if not live_draft:
        context.add_init_script("localStorage.setItem('nst-live-draft', 'off')")
    context.on("request", note)
    try:
        yield context
        assert not elsewhere
    finally:
        _leave_nothing_running(context)
        context.close()


def _leave_nothing_running(context: BrowserContext) -> None:
    with suppress(PlaywrightError):  # the server may be gone
        for job in context.request.get("api/v1/jobs?limit=100").json()["jobs"]:
            if job["status"] in ("queued", "running"):
                context.request.delete(job["links"]["self"])


NO_WORKER = "Service Worker registration blocked by Playwright"
"""Warning that Playwright writes because `visitor` blocks service workers."""


def complaints(page: Page) -> list[str]:
    """Return a list that collects the errors and warnings of the page's console."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and message.text != NO_WORKER:
            found.append(f"{message.text} ({message.location['url']})")

    page.on("console", listen)
    return found


def choose_samples(page: Page, content: str = "Cat", style: str = "Impasto") -> None:
    page.goto("studio")
    for sample in (content, style):
        choose_sample(page, sample)


def choose_sample(page: Page, title: str) -> None:
    """Click a sample unless it is already chosen; the studio remembers choices."""
    button = page.get_by_role("button", name=f"Use {title}")
    button.wait_for()
    if button.get_attribute("aria-pressed") == "false":
        button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def stop(page: Page) -> None:
    """Stop the painting: click the button and confirm in the dialog."""
    page.get_by_role("button", name="Stop and keep the picture").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Stop", exact=True).click()


def set_options(page: Page, **options: object) -> None:
    """Set options in the dialog of all settings, by the labels that people see."""
    page.get_by_role("button", name="All settings").click()
    dialog = page.get_by_role("dialog", name="All settings")
    for label, value in options.items():
        field = dialog.get_by_label(label.replace("_", " "), exact=True)
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))
            field.press("Tab")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def start(page: Page) -> str:
    """Press the button that starts painting; return the address of the job's page."""
    page.get_by_role("button", name="Start painting").click()
    page.wait_for_url("**/jobs/*")
    return page.url


def start_short(page: Page, **options: object) -> str:
    choose_samples(page)
    set_options(page, Size=64, Steps_at_most=8, Keep_a_frame_every=1, **options)
    return start(page)


def start_long(page: Page) -> str:
    """Start a job that outlasts the test; return the address of the job's page."""
    choose_samples(page)
    set_options(page, Size=128, Steps_at_most=1_000_000, Convergence_tolerance=0, Scales=1)
    return start(page)


def status(page: Page, word: str) -> Locator:
    return page.get_by_role("status").filter(has_text=re.compile(f"^{word}"))


def wait_until_finished(page: Page, seconds: float = PATIENCE_SECONDS) -> None:
    expect(status(page, "Finished")).to_be_visible(timeout=seconds * 1000)


def wait_for_step(page: Page, step: int) -> None:
    """Wait until at least `step` steps have been taken."""
    page.wait_for_function(
        "least => Number(/Step (\\d+) of/.exec(document.body.innerText)?.[1] ?? 0) >= least",
        arg=step,
    )


def step_of(page: Page) -> int:
    """Return the number of the step that the page shows, once it shows one."""
    shown = page.wait_for_function("() => /Step (\\d+) of/.exec(document.body.innerText)?.[1]")
    return int(shown.json_value())


def wait_for_streams(server: Server, count: int) -> None:
    """Wait until the server sends exactly `count` streams of events."""
    wait_until(lambda: _open_streams(server) == count)


def _open_streams(server: Server) -> int:
    text = httpx.get(f"http://{server.address}/metrics", timeout=PATIENCE_SECONDS).text
    found = re.search(r"^nst_event_streams (\S+)$", text, re.MULTILINE)
    assert found
    return int(float(found[1]))


def expect_size(picture: Locator, width: int, height: int) -> None:
    """Wait until the image is loaded and has this size in pixels.
    A page may show the image before while it encodes or loads the next one."""
    wait_until_loaded(picture)
    expect(picture).to_have_js_property("naturalWidth", width)
    expect(picture).to_have_js_property("naturalHeight", height)


def wait_until_loaded(picture: Locator) -> None:
    """Wait until the image is loaded.
    An image may be visible earlier, and has no size until then."""
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    expect(picture).not_to_have_js_property("naturalWidth", 0)


COLLECT_NOTICES = """() => {
  window.notices = [];
  window.noticesSeen?.disconnect();
  window.noticesSeen = new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes)
        if (node.isConnected && node.parentElement.closest('[role=status]'))
          window.notices.push(node.textContent);
  });
  window.noticesSeen.observe(document.body, { subtree: true, childList: true });
}"""


@contextmanager
def notice(page: Page, text: str) -> Iterator[None]:
    """Wait until what is done here has shown a notice with this text.
    A notice vanishes after seconds, which a busy machine may not have to look at it."""
    page.evaluate(COLLECT_NOTICES)
    yield
    page.wait_for_function(
        "text => window.notices.some((notice) => notice.includes(text))",
        arg=text,
        timeout=PATIENCE_MS,
    )


AXE = (REPOSITORY / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(page: Page, *also: str) -> list[str]:
    """Return the violations that axe finds. `also`: rules that are off by default."""
    # The code is evaluated, not added as a script, which the page's own policy would forbid.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": True} for rule in also}}
    found: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    return [
        f"{one['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for one in found["violations"]
        for node in one["nodes"]
    ]


class Held:
    """Requests that are held back until they are released or fail."""

    def __init__(self) -> None:
        self._routes: list[Route] = []
        self._is_over = False

    def take(self, route: Route) -> None:
        if self._is_over:
            route.continue_()
        else:
            self._routes.append(route)

    def release(self) -> None:
        """Let all of them go on, and hold back no later ones."""
        self._is_over = True
        for route in self._routes:
            route.continue_()

    def fail(self) -> None:
        """Let all of them fail like those on a cut network, and hold back no later ones."""
        self._is_over = True
        for route in self._routes:
            route.abort()


def hold(page: Page, address: str) -> Held:
    """Hold back requests to matching addresses."""
    held = Held()
    page.route(address, held.take)
    return held


STUDIO = """() => new Promise(done => {
  const request = indexedDB.open('keyval-store');
  request.onsuccess = () => {
    const database = request.result;
    const found = database.transaction('keyval').objectStore('keyval').get('nst-studio');
    found.onsuccess = () => {
      database.close();
      done(found.result);
    };
  };
})"""
"""Script that returns what the browser has stored of the studio."""


def wait_until_stored(page: Page, condition: str) -> None:
    """Wait until the browser has stored a studio for which this function is true.
    The page stores changes a moment later."""
    look = f"() => ({STUDIO})().then(studio => Boolean(studio && ({condition})(studio)))"
    wait_until(lambda: page.evaluate(look))


def wait_for_area(page: Page) -> Locator:
    """Wait until the open area can be drawn on; return its canvas.
    Once the photo is loaded, the canvas gets the size of the photo and loses what was drawn."""
    canvas = page.get_by_role("application").locator("canvas")
    expect(canvas).not_to_have_js_property("width", DEFAULT_WIDTH)
    return canvas


DEFAULT_WIDTH = 300
"""Width of a canvas, in pixels, before it gets one."""


WATCH = """text => {
  const look = () => { window.hasShown ||= document.body.textContent.includes(text); };
  window.hasShown = false;
  new MutationObserver(look)
    .observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@contextmanager
def shows(page: Page, text: str) -> Iterator[None]:
    """Assert that the page shows this text during the body or later.
    Showing it for a moment is enough."""
    page.evaluate(WATCH, text)
    yield
    page.wait_for_function("() => window.hasShown")


def saved(page: Page, click: Locator) -> bytes:
    """Return the file that a click downloads."""
    with page.expect_download() as download:
        click.click()
    return Path(download.value.path()).read_bytes()


def open_picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


DROP = """([element, files]) => {
  const transfer = new DataTransfer();
  for (const {name, type, bytes} of files)
    transfer.items.add(new File([Uint8Array.from(bytes)], name, {type}));
  const facts = {dataTransfer: transfer, bubbles: true, cancelable: true};
  for (const kind of ['dragenter', 'dragover', 'drop'])
    element.dispatchEvent(new DragEvent(kind, facts));
}"""

PASTE = """({name, type, bytes}) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(bytes)], name, {type}));
  const facts = {clipboardData: transfer, bubbles: true, cancelable: true};
  document.dispatchEvent(new ClipboardEvent('paste', facts));
}"""


def drop(target: Locator, name: str, data: bytes, kind: str = "image/png") -> None:
    """Drop a file from the desktop onto this element."""
    files = [{"name": name, "type": kind, "bytes": list(data)}]
    page = target.page
    page.evaluate(DROP, [target.element_handle(), files])


def paste(page: Page, name: str, data: bytes, kind: str = "image/png") -> None:
    page.evaluate(PASTE, {"name": name, "type": kind, "bytes": list(data)})


def is_too_wide(page: Page) -> bool:
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )
