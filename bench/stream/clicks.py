"""Clicks as JSON lines, the same for the same seed: visits that wander, out of order, a few that come back.

They span two hours whatever their number, so that windows and visits are alike in every size. An event is
at most 20 seconds behind the latest before it, which is within the bound that all sides are given:
nothing is late, and the answers are exact.
"""

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
SPAN_MS = 2 * 60 * 60 * 1000
PRODUCTS = 500
# Longest delay of an event on its way.
DELAY_MS = 20_000
# A pause is shorter than the one, or longer than the other and so the end of a session: never about as
# long as the gap, on whose edge the sides differ.
SHORT_MS, LONG_MS = 5 * 60 * 1000, 40 * 60 * 1000
STEPS = {"page_view": 30, "search": 15, "product_view": 35, "add_to_cart": 12, "checkout": 5, "purchase": 3}
ABOUT_PRODUCTS = {"product_view", "add_to_cart", "purchase"}
DEVICES = ["desktop", "mobile", "tablet"]
COUNTRIES = ["DE", "FR", "IT", "ES", "NL", "PL", "AT", "CH"]


def write(path: Path, count: int, start: datetime = START, seed: int = 7) -> None:
    """Writes `count` events from `start` on, in the order of their arrival."""
    draw = random.Random(seed)
    products = range(1, PRODUCTS + 1)
    # A few products are most of the views.
    popular = draw.choices(products, [1 / product for product in products], k=65_536)
    steps = draw.choices(list(STEPS), STEPS.values(), k=65_536)
    events: list[tuple[int, int, str]] = []
    while len(events) < count:
        visit(events, draw, start, popular, steps)
    events = sorted(events[:count])
    with path.open("w") as lines:
        lines.writelines(line for _, _, line in events)


def visit(events: list, draw: random.Random, start: datetime, popular: list[int], steps: list[str]) -> None:
    """The events of one visitor, each with its arrival and a number that settles ties."""
    session = f"{draw.getrandbits(64):016x}"
    customer = draw.randint(1, 50_000) if draw.random() < 0.3 else None
    device, country = draw.choice(DEVICES), draw.choice(COUNTRIES)
    moment = draw.randrange(SPAN_MS)
    while moment < SPAN_MS:
        step = steps[draw.getrandbits(16)]
        product = popular[draw.getrandbits(16)] if step in ABOUT_PRODUCTS else None
        event = {
            "event_id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
            "session_id": session,
            "customer_id": customer,
            "event_type": step,
            "product_id": product,
            "url": f"https://shop.example/{step}/{product or ''}",
            "referrer": None,
            "device": device,
            "country": country,
            "timestamp": stamp(start, moment),
        }
        delay = draw.randrange(DELAY_MS) if draw.random() < 0.2 else 0
        events.append((moment + delay, len(events), json.dumps(event, separators=(",", ":")) + "\n"))
        fate = draw.random()
        if fate < 0.12:
            return
        if fate < 0.14:
            moment += LONG_MS + draw.randrange(SHORT_MS)
        else:
            moment += 1 + min(int(draw.expovariate(1 / 30_000)), SHORT_MS)


def stamp(start: datetime, moment: int) -> str:
    """A moment in milliseconds since the start as RFC 3339, UTC."""
    return (start + timedelta(milliseconds=moment)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
