"""The page in which the UI runs, its files, and the page that says why it stays closed."""

from html import escape
from importlib.resources import files
from pathlib import Path

from aiohttp import web

# textual-serve's half of the protocol in the browser, with the terminal in it, and its font.
_THEIRS = Path(str(files("textual_serve"))) / "static"
_OURS = Path(__file__).parent / "static"

INDEX = _OURS / "index.html"
# All that there is under `/static/`: no directory is listed, no path is joined.
STATIC = {
    "textual.js": _THEIRS / "js" / "textual.js",
    "xterm.css": _THEIRS / "css" / "xterm.css",
    "roboto-mono.ttf": _THEIRS / "fonts" / "RobotoMono-VariableFont_wght.ttf",
    "roboto-mono-italic.ttf": _THEIRS / "fonts" / "RobotoMono-Italic-VariableFont_wght.ttf",
    "page.js": _OURS / "page.js",
    "page.css": _OURS / "page.css",
    "icon.svg": _OURS / "icon.svg",
}

_POLICY = (
    "default-src 'self'; "
    # The terminal writes its colours into style elements of its own.
    "style-src 'self' 'unsafe-inline'; "
    # Older browsers do not take 'self' for a websocket.
    "connect-src 'self' ws://{host}; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What runs in the terminal may write to the clipboard, and never read it.
    "Permissions-Policy": "clipboard-read=(), camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "inspector",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_CLOSED = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>inspector</title>
<style>
body {{ background: #121212; color: #e0e0e0; font: 16px/1.5 monospace; margin: 15vh auto 0;
  max-width: 40em; padding: 0 1em; }}
a {{ color: #ffa62b; }}
</style>
<h1>inspector</h1>
<p>{message}</p>
<p>{hint}</p>
</html>
"""


def secure(response: web.StreamResponse, host: str) -> None:
    """Set what every answer carries; `host` is the request's, and ours."""
    response.headers.update(_HEADERS)
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = _POLICY.format(host=host)


def closed(status: int, message: str, hint: str = "", link: str = "") -> web.Response:
    """A page for people; `link` is a path of ours to go on to."""
    more = f' <a href="{escape(link)}">Go on</a>' if link else ""
    text = _CLOSED.format(message=escape(message), hint=escape(hint) + more)
    return web.Response(status=status, text=text, content_type="text/html")
