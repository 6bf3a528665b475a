"""The words that cases are made of. Data only."""

import msgspec

from turnout.types.traits import Band


class CodeTask(msgspec.Struct, frozen=True):
    """``NAME`` stands for the function's name. The wrong code compiles but fails, as plausible code does."""

    name: str
    band: Band
    wish: str
    right: str
    wrong: str


class Intent(msgspec.Struct, frozen=True):
    """What a customer says, what a good agent answers, and the fact in it that makes it good."""

    says: str
    reply: str
    fact: str


class Fact(msgspec.Struct, frozen=True):
    sentence: str
    key: str


COMPANIES = ("Nordwind Logistics", "Halcyon Foods", "Brightwater Ltd", "Kestrel Robotics", "Meridian Paper", "Orchard & Sons")
NOISE = (
    "The weather stayed mild for the season.",
    "Please keep this document for your records.",
    "A second copy was sent by post.",
    "The office is closed on public holidays.",
    "Opening hours are subject to change.",
    "Our team wishes you a pleasant week.",
    "Further details are found on the notice board.",
    "The meeting room has been repainted.",
)
LANGUAGES = ("German", "French", "Spanish")
PHRASES: tuple[tuple[str, tuple[str, str, str]], ...] = (
    ("Good morning.", ("Guten Morgen.", "Bonjour.", "Buenos días.")),
    ("The train is late.", ("Der Zug ist verspätet.", "Le train est en retard.", "El tren llega tarde.")),
    ("Where is the station?", ("Wo ist der Bahnhof?", "Où est la gare ?", "¿Dónde está la estación?")),
    ("I would like a coffee.", ("Ich hätte gern einen Kaffee.", "Je voudrais un café.", "Quisiera un café.")),
    (
        "The meeting starts at nine.",
        ("Die Sitzung beginnt um neun.", "La réunion commence à neuf heures.", "La reunión empieza a las nueve."),
    ),
    ("Thank you for your help.", ("Danke für Ihre Hilfe.", "Merci de votre aide.", "Gracias por su ayuda.")),
    ("It is raining again.", ("Es regnet wieder.", "Il pleut encore.", "Está lloviendo otra vez.")),
)
CODE = (
    CodeTask("add", "simple", "adds two numbers", "def NAME(a, b):\n    return a + b", "def NAME(a, b):\n    return a - b"),
    CodeTask(
        "is_even", "simple", "tells whether a number is even", "def NAME(n):\n    return n % 2 == 0", "def NAME(n):\n    return n % 2"
    ),
    CodeTask(
        "unique", "moderate", "removes duplicates from a list and keeps the order of the first occurrences",
        "def NAME(items):\n    return list(dict.fromkeys(items))", "def NAME(items):\n    return list(set(items))",
    ),
    CodeTask(
        "chunks", "moderate", "splits a list into parts of size n, the last one may be shorter; raise ValueError for n < 1",
        "def NAME(items, n):\n    if n < 1:\n        raise ValueError(n)\n    return [items[i:i + n] for i in range(0, len(items), n)]",
        "def NAME(items, n):\n    return [items[i:i + n] for i in range(0, len(items) - n, n)]",
    ),
    CodeTask(
        "merge", "high",
        "merges overlapping closed intervals given as (start, end) tuples in any order, handles empty input and touching intervals, "
        "must not change its argument, runs in O(n log n), and explain the edge cases in comments",
        "def NAME(spans):\n    merged = []\n    for start, end in sorted(spans):\n        if merged and start <= merged[-1][1]:\n"
        "            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))\n        else:\n            merged.append((start, end))\n"
        "    return merged",
        "def NAME(spans):\n    merged = []\n    for start, end in spans:\n        if merged and start < merged[-1][1]:\n"
        "            merged[-1] = (merged[-1][0], end)\n        else:\n            merged.append((start, end))\n    return merged",
    ),
    CodeTask(
        "topological", "high",
        "orders the nodes of a dependency graph (a dict from node to its dependencies) so that dependencies come first, detects cycles and "
        "raises ValueError naming one node of the cycle, and is iterative so that deep graphs do not overflow the stack",
        "def NAME(graph):\n    left = {node: set(needs) for node, needs in graph.items()}\n    order = []\n    while left:\n"
        "        ready = [node for node, needs in left.items() if not needs & left.keys()]\n        if not ready:\n"
        "            raise ValueError(next(iter(left)))\n        order += ready\n        for node in ready:\n            del left[node]\n"
        "    return order",
        "def NAME(graph):\n    order = []\n    for node, needs in graph.items():\n        order += [*needs, node]\n    return order",
    ),
)  # fmt: skip
INTENTS = (
    Intent("I want my money back.", "Your refund arrives within 5 business days.", "5 business days"),
    Intent("The parcel has not arrived.", "The parcel is traced and a new one leaves within 48 hours.", "48 hours"),
    Intent("The item is broken.", "Send it back with the prepaid label in your account.", "prepaid label"),
    Intent("I cannot log in to my account.", "A reset link was sent to your address.", "reset link"),
    Intent("I was charged twice.", "The duplicate charge is reversed today.", "duplicate charge"),
    Intent("Please cancel my subscription.", "It ends at the close of this billing period.", "billing period"),
)
FACTS = (
    Fact("Sales in the north rose by 12 percent.", "12 percent"),
    Fact("The new plant opens in October.", "October"),
    Fact("Three hundred people were hired.", "hundred people"),
    Fact("Energy costs fell to 41 euros per unit.", "41 euros"),
    Fact("The pilot with Kestrel Robotics was extended.", "Kestrel Robotics"),
    Fact("Two recalls were closed without injuries.", "Two recalls"),
)
CAPITALS = (
    ("France", "Paris", "Seine"),
    ("Austria", "Vienna", "Danube"),
    ("Italy", "Rome", "Tiber"),
    ("Poland", "Warsaw", "Vistula"),
    ("Portugal", "Lisbon", "Tagus"),
    ("Germany", "Berlin", "Spree"),
    ("the United Kingdom", "London", "Thames"),
    ("Czechia", "Prague", "Vltava"),
)
IMAGES = ("lantern", "harbor", "orchard", "thunder", "violin", "snow", "compass", "ember", "lighthouse")
