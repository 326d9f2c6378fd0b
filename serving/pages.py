"""Write the index and the form for the token as HTML. They have no scripts and load nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from notebooks import Notebook

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --link: #0b62b8; }
@media (prefers-color-scheme: dark) { :root { --link: #7db8f5; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0; } .remark { opacity: .75; margin: .25rem 0 1.75rem; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
ul { list-style: none; padding: 0; display: grid; gap: .9rem; }
ul { grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); }
li { border: 1px solid var(--line); border-radius: .5rem; }
li > a { display: block; padding: 1rem 1.1rem; color: inherit; height: 100%; box-sizing: border-box; }
li > a:hover { background: var(--soft); text-decoration: none; } li strong { color: var(--link); font-size: 1.1rem; }
li span { display: block; } .fresh { font-size: .85rem; opacity: .75; margin-top: .4rem; }
code { background: var(--soft); padding: .1rem .35rem; border-radius: .25rem; }
.warning { border-left: .25rem solid #c80; padding: .4rem .9rem; background: var(--soft); }
input, button { font: inherit; padding: .4rem .6rem; } footer { margin-top: 2rem; }
"""


@dataclass(frozen=True)
class App:
    """An app as the index shows it: with the rows of its source's marts, and the time of its source's latest load."""

    notebook: Notebook
    row_count: int = 0
    loaded_at: datetime | None = None


def index(apps: Iterable[App], published_at: datetime | None, problem: str | None, bad_checks: int = 0) -> str:
    """Write the index: each app, what it shows, and how fresh its data is; or what to do if nothing is published."""
    apps = list(apps)
    now = datetime.now(UTC).replace(tzinfo=None)
    remark = f"Published {_ago(published_at, now)}." if published_at else ""
    items = "".join(_app(app, now) for app in apps)
    warnings = [f"Nothing to see yet: {problem}"] if problem else []
    if bad_checks:
        overviews = " and ".join(app.notebook.name for app in apps if app.notebook.source is None)
        where = f": see the app {overviews}" if overviews else ""
        warnings.append(f"{bad_checks} checks of the latest builds warn or fail{where}.")
    callouts = "".join(f'<p class="warning">{_with_code(text)}</p>' for text in warnings)
    return _page(
        "Vitalhouse",
        f"""<h1>Vitalhouse</h1><p class="remark">{remark}</p>{callouts}<ul>{items}</ul>
        <footer>Programs read the data through the <a href="/docs">API</a>. In a terminal, <code>vitalhouse sql</code>
        runs a query and <code>vitalhouse notebook</code> opens an app with its SQL to change. Metrics for Prometheus:
        <a href="/metrics">/metrics</a>.</footer>""",
    )


def login(problem: str = "") -> str:
    """Write the form that asks the user of a browser for the token."""
    warning = f'<p class="warning">{escape(problem)}</p>' if problem else ""
    return _page(
        "Vitalhouse: token",
        f"""<h1>Vitalhouse</h1><p class="remark">This server needs a token. Ask the person who runs it.</p>{warning}
        <form method="post" action="/login"><label>Token <input name="token" type="password" autofocus required></label>
        <button>Enter</button></form>""",
    )


def _app(app: App, now: datetime) -> str:
    name = app.notebook.name
    fresh = f"{app.row_count:,} rows" if app.row_count else "no rows yet"
    if app.loaded_at:
        fresh += f", last loaded {_ago(app.loaded_at, now)}"
    return (
        f'<li><a href="/apps/{escape(name)}/"><strong>{escape(name)}</strong>'
        f'<span>{escape(app.notebook.description)}</span><span class="fresh">{fresh}</span></a></li>'
    )


def _ago(at: datetime, now: datetime) -> str:
    """Say how long ago a time was, with the time itself beside it."""
    seconds = max(0.0, (now - at).total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago ({at:%Y-%m-%d %H:%M} UTC)"
    return f"just now ({at:%Y-%m-%d %H:%M} UTC)"


def _with_code(text: str) -> str:
    """Set text between backquotes as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
