"""The pages that are ours: the index and the form for the token. They have no scripts and load nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

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
    """An app as the index shows it. ``row_count`` is of its marts, ``loaded_at`` of its source's latest load."""

    name: str
    description: str
    row_count: int = 0
    loaded_at: datetime | None = None


def index(apps: Iterable[App], published_at: datetime | None, problem: str | None, bad_checks: int = 0) -> str:
    """The page that one opens: each app, what it is, and how fresh its data is; or what to do where there is none."""
    now = datetime.now(UTC).replace(tzinfo=None)
    remark = f"Published {_ago(published_at, now)}." if published_at else ""
    items = "".join(_app(app, now) for app in apps)
    warnings = [f"Nothing to see yet: {problem}"] if problem else []
    if bad_checks:
        warnings.append(f"{bad_checks} checks of the latest builds warn or fail: the app lake names them.")
    shown = "".join(f'<p class="warning">{_with_code(text)}</p>' for text in warnings)
    return _page(
        "Vitalhouse",
        f"""<h1>Vitalhouse</h1><p class="remark">{remark}</p>{shown}<ul>{items}</ul>
        <footer>Programs ask the <a href="/docs">API</a>. In a terminal:
        <code>vitalhouse sql "from ecg.subject"</code>, <code>vitalhouse notebook recording</code>.
        Figures for Prometheus: <a href="/metrics">/metrics</a>.</footer>""",
    )


def login(problem: str = "") -> str:
    """The form that asks a browser's user for the token."""
    said = f'<p class="warning">{escape(problem)}</p>' if problem else ""
    return _page(
        "Vitalhouse: token",
        f"""<h1>Vitalhouse</h1><p class="remark">This server asks for its token. Who runs it has it.</p>{said}
        <form method="post" action="/login"><label>Token <input name="token" type="password" autofocus required></label>
        <button>Enter</button></form>""",
    )


def _app(app: App, now: datetime) -> str:
    fresh = f"{app.row_count:,} rows" if app.row_count else "no rows yet"
    if app.loaded_at:
        fresh += f", last loaded {_ago(app.loaded_at, now)}"
    return (
        f'<li><a href="/apps/{escape(app.name)}/"><strong>{escape(app.name)}</strong>'
        f'<span>{escape(app.description)}</span><span class="fresh">{fresh}</span></a></li>'
    )


def _ago(at: datetime, now: datetime) -> str:
    """How long ago, with the time itself beside it."""
    seconds = max(0.0, (now - at).total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago ({at:%Y-%m-%d %H:%M} UTC)"
    return f"just now ({at:%Y-%m-%d %H:%M} UTC)"


def _with_code(text: str) -> str:
    """Text with `what is to be typed` set as such."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
