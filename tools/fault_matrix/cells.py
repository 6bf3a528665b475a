"""The cells: a fault in a phase, asked for in one dialect of a provider in another, with a fallback behind it or alone."""

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from tools.fault_matrix.faults import Fault, Limits
from tools.fault_matrix.sound import DIALECTS, PRICE, PRIMARY, Dialect, sound
from tools.fault_matrix.table import FAULTS
from tools.fault_matrix.upstream import Said, Strike

Asked = Literal["stream", "whole"]
Behind = Literal["fallback", "nobody"]


class Key(msgspec.Struct, frozen=True, order=True):
    """Where a cell stands in the page."""

    fault: str
    phase: str
    asked: Asked
    front: Dialect
    back: Dialect
    behind: Behind

    def __str__(self) -> str:
        return f"{self.fault} / {self.phase} / {self.asked} / {self.front} -> {self.back} / {self.behind} behind"


class Cell(msgspec.Struct, frozen=True):
    """``id`` is its route's and its provider's name: no cell has any state in common with another."""

    id: str
    key: Key
    fault: Fault

    @property
    def stream(self) -> bool:
        return self.key.asked == "stream"

    @property
    def other(self) -> Dialect:
        """What the fallback speaks: not what the failing provider does."""
        return next(dialect for dialect in DIALECTS if dialect != self.key.back)

    @property
    def is_reached(self) -> bool:
        """Its provider gets to see the request."""
        return self.key.phase != "connect"

    def said(self) -> tuple[Strike, Said]:
        voice = msgspec.structs.replace(PRIMARY, model=self.fault.model)
        answer = sound(self.key.back, voice, self.fault.usage(self.key.back))
        return self.fault.strike, Said(self.key.back, self.stream, self.key.phase, answer)


def all_cells(faults: Iterable[Fault] = FAULTS) -> tuple[Cell, ...]:
    asked: tuple[Asked, ...] = ("stream", "whole")
    behinds: tuple[Behind, ...] = ("fallback", "nobody")
    found: list[Cell] = []
    for fault, how in itertools.product(faults, asked):
        for phase, front, back, behind in itertools.product(fault.when(how), DIALECTS, DIALECTS, behinds):
            found.append(Cell(f"c{len(found)}", Key(fault.name, phase, how, front, back, behind), fault))
    return tuple(found)


def policy(cells: Iterable[Cell], places: Mapping[str, str], api: int, control: int) -> str:
    """A turnout.yaml with a provider, a model and a route for each cell. What they share is written once: the file is read twice."""
    once = _Once()
    providers = [_provider(f"well-{dialect}", dialect, places["here"]) for dialect in DIALECTS]
    models = [f"  well-{dialect}/m: {once(_MODEL)}" for dialect in DIALECTS]
    routes: list[str] = []
    for cell in cells:
        providers.append(_provider(cell.id, cell.key.back, places[cell.fault.places.get(cell.key.phase, "here")]))
        models.append(f"  {cell.id}/m: {once(_MODEL)}")
        fallback = f"fallback: {once(f'[well-{cell.other}/m]')}, " if cell.key.behind == "fallback" else ""
        limits = cell.fault.limits
        routes.append(
            f"  {cell.id}: {{static: {cell.id}/m, {fallback}attempts: 2, deadline: {limits.deadline}s, timeouts: {once(_timeouts(limits))}}}"
        )
    ports = (f"server: {{port: {api}}}", f"control: {{port: {control}}}")
    return "\n".join((*ports, "providers:", *providers, "models:", *models, "routes:", *routes))


_MODEL = json.dumps({"context": 100_000, "max_output": 4096, "price": PRICE, "features": {"streaming": True}})


class _Once:
    """YAML's anchors: a value where it is first used, its name from then on."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        if value in self._known:
            return f"*{self._known[value]}"
        self._known[value] = name = f"v{len(self._known)}"
        return f"&{name} {value}"


def _provider(name: str, dialect: Dialect, place: str) -> str:
    return f'  {name}: {{dialect: {dialect}, base_url: "{place}/{name}/v1", proxy: none}}'


def _timeouts(limits: Limits) -> str:
    named = {name: f"{seconds}s" for name, seconds in msgspec.structs.asdict(limits).items() if name != "deadline"}
    return json.dumps({**named, "first_token_reasoning": named["first_token"]})
