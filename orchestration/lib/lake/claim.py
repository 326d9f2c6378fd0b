"""Claim files: move the settled files of ``latest/`` into a delivery, all or none, though the process may be killed."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestration.lib.contract.entity import Entity, entities_of, find_entity
from orchestration.lib.lake.delivery import LATEST, SETTLE_SECONDS, Delivery, is_settled
from orchestration.lib.lake.directory import entry_status, is_unfinished, scan
from orchestration.lib.lake.files import Lake

# A running claim moves files here; the name is hidden, so that nobody takes the folder for a delivery.
_CLAIMING = ".claiming-"
_CLAIM_TIME = "%Y-%m-%dT%H%M%SZ"


def claim(
    lake: Lake,
    entities: Sequence[Entity],
    clinic: str | None = None,
    settle_seconds: float = SETTLE_SECONDS,
    clock: Callable[[], float] = time.time,
) -> list[Delivery]:
    """Move every settled file of ``latest/`` that is of these kinds' measurements into a delivery.

    The delivery is named after the time of the claim (UTC).

    A file whose partner is missing stays. The files move through a hidden directory that is renamed at the end,
    so that a claim which is killed at any moment is finished, not repeated, by the next one.
    """
    claimed = []
    measurements = {entity.measurement for entity in entities}
    for clinic_name, measurement, folder in lake.measurement_folders(clinic=clinic):
        if measurement not in measurements:
            continue
        latest = folder / LATEST
        staging = _unfinished_claim(folder)
        # The partner of a file may have been moved before a claim was killed.
        moved = _settled_files(staging, 0.0, clock()) if staging else set()
        ready = _ready(entities_of(entities, measurement), _settled_files(latest, settle_seconds, clock()), moved)
        if staging is None:
            if not ready:
                continue
            started = datetime.fromtimestamp(clock(), UTC).strftime(_CLAIM_TIME)
            staging = folder / f"{_CLAIMING}{started}"
            staging.mkdir(mode=0o700)
        _move(latest, staging, ready, moved, clock() - settle_seconds)
        if next(os.scandir(staging), None) is None:
            staging.rmdir()
            continue
        target = _free_name(folder, staging.name.removeprefix(_CLAIMING))
        staging.rename(target)
        claimed.append(Delivery(clinic_name, measurement, target.name))
    return claimed


def _unfinished_claim(folder: Path) -> Path | None:
    names = [name for name in os.listdir(folder) if name.startswith(_CLAIMING)]  # noqa: PTH208 (a list of names)
    return folder / min(names) if names else None


def _free_name(folder: Path, name: str) -> Path:
    candidate, number = folder / name, 1
    while candidate.exists():
        number += 1
        candidate = folder / f"{name}-{number}"
    return candidate


def _settled_files(latest: Path, settle_seconds: float, now: float) -> set[str]:
    """List the paths below ``latest/`` that have settled."""
    settled: set[str] = set()
    folders = [] if latest.is_symlink() else [""]
    while folders:
        below = folders.pop()
        try:
            entries = scan(latest / below)
        except OSError:
            continue
        for entry in entries:
            path = f"{below}/{entry.name}" if below else entry.name
            if is_unfinished(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif (status := entry_status(entry)) and is_settled(status.st_mtime_ns, settle_seconds, now):
                settled.add(path)
    return settled


def _ready(entities: Sequence[Entity], settled: set[str], moved: set[str]) -> list[str]:
    """Select the files that may be claimed: they need no partner, or their partner is settled or moved too."""
    recognised = {path: find_entity(entities, path) for path in settled}
    present = {
        (matched[0].name, matched[0].record_key(matched[1]))
        for path in settled | moved
        if (matched := find_entity(entities, path)) and matched[0].record_key is not None
    }
    return [
        path
        for path, matched in recognised.items()
        if matched is None
        or matched[0].partner is None
        or matched[0].record_key is None
        or (matched[0].partner, matched[0].record_key(matched[1])) in present
    ]


def _move(source: Path, target: Path, names: list[str], moved: set[str], settled_before: float) -> None:
    """Move files; remove the directories that this and an earlier move emptied, but none that somebody just made."""
    parents = {(source / name).parent for name in (*names, *moved)} - {source}
    old = {parent for parent in parents if parent.exists() and parent.lstat().st_mtime <= settled_before}
    for name in sorted(names):
        destination = target / name
        if destination.exists():
            continue  # moved before a kill, and written anew since: the next claim takes it
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # its provider took it back
            (source / name).rename(destination)
    for parent in sorted(old, key=lambda path: len(path.parts), reverse=True):
        while parent != source:
            try:
                parent.rmdir()
            except OSError:
                break
            parent = parent.parent
