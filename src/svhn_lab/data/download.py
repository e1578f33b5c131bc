"""Downloads one file over HTTP so that a break costs nothing: the part that came is kept and
continued, and the file appears under its name only once its md5 is right."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from svhn_lab.errors import UserError

# Seconds. Looking up the name and connecting together stay below 15 on an unreachable host.
CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
ATTEMPTS = 3
CHUNK_BYTES = 1 << 16  # what a break may cost at most


def download(url: str, target: Path, *, md5: str) -> None:
    """Makes `target` the file at `url`; does nothing if it is there already with this md5.

    A broken transfer is continued, up to three times here and again by the next call.
    Raises ConnectionError if the host cannot be reached or the transfer keeps breaking,
    UserError if what came has another md5.
    """
    if target.is_file() and file_md5(target) == md5:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    session = _within(CONNECT_SECONDS + 2, lambda: _reach(url), url)
    with session:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _fetch_rest(session, url, part)
                break
            except requests.HTTPError as failure:
                raise ConnectionError(f"{url}: {failure}") from None
            except requests.RequestException as failure:
                if attempt == ATTEMPTS:
                    raise ConnectionError(f"{url}: the transfer broke off ({failure})") from None
    if (found := file_md5(part)) != md5:
        part.unlink()
        raise UserError(
            f"{url}: what came has the md5 {found}, but {md5} is expected; it was thrown away. "
            "Run again; if it happens again, set data.url in params.yaml to another mirror"
        )
    part.replace(target)


def file_md5(path: Path) -> str:
    """The md5 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _reach(url: str) -> requests.Session:
    """A session that has had an answer from the host, whatever the answer."""
    session = requests.Session()
    session.head(url, timeout=CONNECT_SECONDS, allow_redirects=True)
    return session


def _within(seconds: float, action: Callable[[], requests.Session], url: str) -> requests.Session:
    """The action's value, if it comes in time. Name look-up has no time limit of its own, so
    the action runs in a daemon thread that is left behind when it hangs."""
    outcome: list[requests.Session | Exception] = []

    def act() -> None:
        try:
            outcome.append(action())
        # Whatever it is (a name that cannot be encoded is a UnicodeError), it must get out of here.
        except Exception as failure:
            outcome.append(failure)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    thread.join(seconds)
    host = urlsplit(url).netloc
    if not outcome:
        raise ConnectionError(f"{host} did not answer within {seconds:.0f} s")
    if isinstance(outcome[0], Exception):
        raise ConnectionError(f"{host} cannot be reached ({_reason(outcome[0])})")
    return outcome[0]


def _reason(failure: Exception) -> str:
    """The innermost cause in a few words: urllib3 wraps it three times."""
    cause: BaseException = failure
    while inner := (cause.__cause__ or cause.__context__):
        cause = inner
    return getattr(cause, "strerror", None) or str(cause)


def _fetch_rest(session: requests.Session, url: str, part: Path) -> None:
    """Appends to `part` what it still lacks of the file at `url`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with session.get(url, headers=headers, stream=True, timeout=READ_SECONDS) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # the part is whole already; its md5 decides
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        size = int(response.headers.get("Content-Length", 0))
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=part.stem,
                initial=have if resumed else 0,
                total=(have if resumed else 0) + size or None,
                unit="B",
                unit_scale=True,
                disable=None,  # no bar where nobody looks: pipes, CI
            ) as bar,
        ):
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))
