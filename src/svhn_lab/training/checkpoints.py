"""Where a run stands after an epoch, so that one that was killed goes on from there to the same
bits: weights, optimizer, schedule, the states of all random generators, and the history."""

import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch


class Stateful(Protocol):
    """What has a state that can be kept: a network, an optimizer, a schedule."""

    def state_dict(self) -> Any: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


@dataclass
class Checkpoints:
    """Of one run: what was kept last, if anything, and what keeps another in its place, no more
    often than so many seconds: of quicker epochs not every one is worth it."""

    kept: bytes | None = None
    keep: Callable[[bytes], None] = lambda _: None
    seconds_between: float = 1.0
    _last: float = field(default=-math.inf, init=False)

    def save(
        self,
        parts: Mapping[str, Stateful],
        generators: Mapping[str, torch.Generator],
        history: Sequence[Mapping[str, float]],
        *,
        at_end: bool,
    ) -> None:
        """Keeps where the run stands, unless that was done a moment ago and it is not its end."""
        if not at_end and time.monotonic() - self._last < self.seconds_between:
            return
        content = io.BytesIO()
        state = {
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "generators": {name: each.get_state() for name, each in generators.items()},
            "history": [dict(row) for row in history],
        }
        torch.save(state, content)
        self.keep(content.getvalue())
        self._last = time.monotonic()

    def restore(
        self, parts: Mapping[str, Stateful], generators: Mapping[str, torch.Generator]
    ) -> list[dict[str, Any]]:
        """Puts all parts where they stood, and gives the history until then; if nothing has been
        kept, nothing changes, and the history is empty."""
        if self.kept is None:
            return []
        state = torch.load(io.BytesIO(self.kept), weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        for name, generator in generators.items():
            generator.set_state(state["generators"][name])
        history: list[dict[str, Any]] = state["history"]
        return history
