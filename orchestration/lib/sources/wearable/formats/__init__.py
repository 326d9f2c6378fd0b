"""Read a wearable's files: each provider's shape becomes columns of one long table.

Heart rate as the Fitbit Web API gave it, a reading a second, is nearly all of the bytes: files of exactly that form are
read by Arrow (`heart_rate`). Every other file, and one in which anything is unusual, is read value by value
(`json_file`; a new provider's JSON is a new shape in `shapes`). Both give the same readings in the same order.
"""

from orchestration.lib.contract.entity import FileContent
from orchestration.lib.sources.wearable.formats.fitabase import read_fitabase
from orchestration.lib.sources.wearable.formats.heart_rate import read_fast
from orchestration.lib.sources.wearable.formats.json_file import read_json
from orchestration.lib.sources.wearable.formats.readings import EXPECTED


def read_readings(content: bytes, participant: str | None) -> FileContent:
    """Read one file, recognised by its content.

    Parameters
    ----------
    content
        A whole file, unpacked.
    participant
        Whom the path names; ``None`` where the records do (Fitabase).
    """
    beginning = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not content.strip():
        return FileContent(reason=f"it is empty: expected {EXPECTED}")
    if beginning not in (b"[", b"{"):
        return read_fitabase(content, participant)
    if participant is None:
        return FileContent(
            reason="it does not lie in a folder participant=<id>: only a Fitabase CSV file names its own"
        )
    return read_fast(content, participant) or read_json(content, participant)
