"""Split the bytes of a pipe into messages: a length of 32 bytes, then JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

HEADER_BYTES = 32
# A message has about 60 bytes. This is the default size of a pipe: as much as any publisher can write at once, and
# little enough that a wrong length is noticed soon.
MAX_MESSAGE_BYTES = 64 * 1024
# The shortest JSON object.
MIN_MESSAGE_BYTES = 2
# If so many bytes hold no frame, the pipe is closed, so that the publisher begins anew.
MAX_LOST_BYTES = 1024 * 1024
# The length of a frame that is accepted begins with so many zeros, and its message with a brace.
_FRAME = re.compile(rb"\x00{29}[\x00\x01][\x00-\xff]{2}\{")


@dataclass
class Counts:
    """Count the messages of a stream so far."""

    received: int = 0
    written: int = 0
    unreadable: int = 0


@dataclass
class Frames:
    """Split the bytes of one pipe into messages.

    ``on_message`` gets the text of each JSON object, and whether it is an empty one; ``on_refused`` gets the bytes that
    are no message, and the reason.
    """

    on_message: Callable[[str, bool], None]
    on_refused: Callable[[bytes, str], None]
    buffer: bytearray = field(default_factory=bytearray)
    # The reason why the beginning of the next frame is unknown, None while it is known; and the bytes refused since.
    lost: str | None = None
    lost_bytes: int = 0

    def feed(self, data: bytes) -> None:
        """Add bytes that were read from the pipe, and hand out the messages in them."""
        self.buffer += data
        position = 0
        while len(self.buffer) - position >= HEADER_BYTES:
            next_position = self._take_frame(position)
            if next_position is None:
                break
            position = next_position
        del self.buffer[:position]
        if len(self.buffer) > MAX_MESSAGE_BYTES:
            self.give_up_lost()

    def _take_frame(self, position: int) -> int | None:
        """Hand out the frame at a position; give the position behind it, or ``None`` if bytes are missing."""
        length = int.from_bytes(self.buffer[position : position + HEADER_BYTES], "big")
        if self.lost is None and not MIN_MESSAGE_BYTES <= length <= MAX_MESSAGE_BYTES:
            self.lost = f"a frame of {_count(length)} bytes: expected {MIN_MESSAGE_BYTES} to {MAX_MESSAGE_BYTES:,}"
        if self.lost is not None:
            return self._take_lost(position, self.lost)
        message_end = position + HEADER_BYTES + length
        if message_end > len(self.buffer):
            return self._take_cut_off(position, len(self.buffer), length)
        message = bytes(self.buffer[position + HEADER_BYTES : message_end])
        try:
            text = message.decode()
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            problem = _problem(error)
        else:
            if isinstance(record, dict):
                self.on_message(text, not record)
                return message_end
            problem = "it is not a JSON object"
        begin = self._take_cut_off(position, message_end, length)
        if begin is not None:
            return begin
        if message.endswith(b"\0") and len(self.buffer) - message_end <= HEADER_BYTES:
            return None  # these zeros may be the next frame's: more of it must come to tell
        self.on_refused(message, problem)
        return message_end

    def _take_lost(self, position: int, reason: str) -> int | None:
        """Refuse the bytes before the next frame; give its position, or ``None`` if there is none yet."""
        begin = self._next_frame(position)
        if begin is not None:
            self._refuse(position, begin, reason)
            self.lost, self.lost_bytes = None, 0
        return begin

    def _take_cut_off(self, position: int, end: int, length: int) -> int | None:
        """Refuse a frame if another one begins within it; give the position of that one."""
        begin = self._next_frame_within(position, end)
        if begin is not None:
            self._refuse_cut_off(position, begin, length)
        return begin

    def is_hopeless(self) -> bool:
        """Decide whether so many bytes have come without a frame that none is to be expected."""
        return self.lost_bytes > MAX_LOST_BYTES

    def give_up_lost(self) -> None:
        """Refuse the bytes since the last frame, but for those that may be the beginning of the next one."""
        if self.lost is not None and len(self.buffer) > HEADER_BYTES:
            end = len(self.buffer) - HEADER_BYTES
            self._refuse(0, end, self.lost)
            self.lost_bytes += end
            del self.buffer[:end]

    def end(self) -> None:
        """Refuse the bytes that are left: the publisher has gone, and they will never be a message."""
        buffer = self.buffer
        if not buffer:
            return
        length = int.from_bytes(buffer[:HEADER_BYTES], "big")
        if self.lost is not None:
            self._refuse(0, len(buffer), self.lost)
        elif len(buffer) < HEADER_BYTES + length:
            self._refuse_cut_off(0, len(buffer), length)
        else:
            self._refuse(HEADER_BYTES, len(buffer), "it ends with zero bytes")  # held back until now
        buffer.clear()
        self.lost, self.lost_bytes = None, 0

    def missing_bytes(self) -> int:
        """Count the bytes that are still to come of the frame that has begun."""
        if self.lost is not None or not self.buffer:
            return 0
        if len(self.buffer) < HEADER_BYTES:
            return HEADER_BYTES - len(self.buffer)
        length = int.from_bytes(self.buffer[:HEADER_BYTES], "big")
        return max(0, HEADER_BYTES + length - len(self.buffer))

    def _next_frame(self, position: int, within: int = 0) -> int | None:
        """Find the next bytes that can be a frame; before ``within``, only those whose end is in the buffer."""
        while match := _FRAME.search(self.buffer, position):
            position = match.start()
            length = int.from_bytes(self.buffer[position : position + HEADER_BYTES], "big")
            last = position + HEADER_BYTES + length - 1
            if MIN_MESSAGE_BYTES <= length <= MAX_MESSAGE_BYTES and (
                self.buffer[last : last + 1] == b"}" or (last >= len(self.buffer) and position >= within)
            ):
                return position
            position += 1
        return None

    def _next_frame_within(self, position: int, end: int) -> int | None:
        """Find a frame inside the one at ``position``: no message has a zero byte, so that one was cut off."""
        if self.buffer.find(0, position + HEADER_BYTES, end) < 0:
            return None
        # The length of a message of more than 511 bytes, a byte short at its beginning, is another's.
        begin = self._next_frame(position + 1, position + HEADER_BYTES)
        return begin if begin is not None and begin < end else None

    def _refuse_cut_off(self, begin: int, end: int, length: int) -> None:
        message_bytes = end - begin - HEADER_BYTES
        if message_bytes < 0:
            reason = f"the frame ends after {end - begin} of the {HEADER_BYTES} bytes of its length"
        else:
            reason = f"the frame ends after {message_bytes} of {_count(length)} bytes"
        self._refuse(begin if message_bytes < 0 else begin + HEADER_BYTES, end, reason)

    def _refuse(self, begin: int, end: int, reason: str) -> None:
        for start in range(begin, max(end, begin + 1), MAX_MESSAGE_BYTES):
            self.on_refused(bytes(self.buffer[start : min(start + MAX_MESSAGE_BYTES, end)]), reason)


def _count(length: int) -> str:
    # A length is 32 bytes: up to 77 digits.
    return f"{length:,}" if length < 10**15 else f"{length:.1e}"


def _problem(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not valid UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not valid JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it is not valid JSON: {error}"
