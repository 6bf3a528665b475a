"""All pages, in the order of the menu. A new page is a file beside this one and a line here."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from turnout.control.pages.api import ApiAsked, api
from turnout.control.pages.audit import AuditAsked, audit
from turnout.control.pages.blocks import Page
from turnout.control.pages.catalog import CatalogAsked, catalog
from turnout.control.pages.cost import CostAsked, cost
from turnout.control.pages.decisions import DecisionsAsked, decisions
from turnout.control.pages.drills import DrillsAsked, drills
from turnout.control.pages.latency import LatencyAsked, latency
from turnout.control.pages.matrix import MatrixAsked, matrix
from turnout.control.pages.now import NowAsked, now
from turnout.control.pages.policy import PolicyAsked, policy
from turnout.control.pages.quality import QualityAsked, quality
from turnout.control.pages.queues import QueuesAsked, queues
from turnout.control.pages.releases import ReleasesAsked, releases
from turnout.control.pages.sources import Sources
from turnout.control.pages.trials import TrialsAsked, trials


class Listed(NamedTuple):
    """A page: at ``/name`` in the browser, ``g key`` on the keyboard, ``/api/pages/name`` as JSON.

    ``asked`` has a field for each parameter of the query. With a field ``id`` the page is also at ``/name/ID``.
    """

    name: str
    title: str
    key: str
    asked: type[msgspec.Struct]
    make: Callable[[Any, Sources], Page]


PAGES = (
    Listed("now", "Now", "n", NowAsked, now),
    Listed("cost", "Cost", "c", CostAsked, cost),
    Listed("quality", "Quality", "q", QualityAsked, quality),
    Listed("latency", "Latency", "l", LatencyAsked, latency),
    Listed("decisions", "Decisions", "d", DecisionsAsked, decisions),
    Listed("releases", "Releases", "e", ReleasesAsked, releases),
    Listed("trials", "Trials", "t", TrialsAsked, trials),
    Listed("matrix", "Matrix", "m", MatrixAsked, matrix),
    Listed("catalog", "Catalog", "k", CatalogAsked, catalog),
    Listed("policy", "Policy", "p", PolicyAsked, policy),
    Listed("drills", "Drills", "r", DrillsAsked, drills),
    Listed("queues", "Queues", "u", QueuesAsked, queues),
    Listed("audit", "Audit", "a", AuditAsked, audit),
    Listed("api", "API", "i", ApiAsked, api),
)  # fmt: skip
