"""The shop that Penstock brings along: thirteen tables, the same rows on every machine, with dirt that can be counted.

Every column is drawn from its own frozen random stream, so a new column moves no other one, and nothing depends on today. Money is in
quarters (fx rates excepted): sums of such floats are exact in any order. The period is 2025-01-01 to 2025-11-15.

What is dirty, on purpose (rows at full size; a test counts them):

| table           | dirt                                                      | rows |
|-----------------|-----------------------------------------------------------|------|
| customers       | `email` NULL                                              |  200 |
| customers       | `email` of an older customer again                        |   80 |
| customers       | `email` in capitals with spaces around it                 |  100 |
| customers       | `country` that the catalogue does not list ("Wonderland") |   20 |
| customers       | `country` NULL                                            |   20 |
| customers       | `country` with a space behind it                          |   50 |
| orders          | `customer_id` of nobody                                   |  400 |
| orders          | `amount` below zero                                       |  500 |
| orders          | `status` in capitals ("PAID", ...)                        |  200 |
| orders          | `discount` NULL                                           | 1000 |
| payments        | `order_id` of no order                                    |   90 |
| refunds         | `amount` larger than the order's                          |   40 |
| refunds         | `reason` NULL                                             |  599 |
| events          | the same `event_id` delivered twice                       |  600 |
| support_tickets | `closed_at` before `opened_at`                            |   20 |
| inventory       | `on_hand` below zero                                      |   25 |
| products        | `list_price` NULL                                         |    2 |
| gcp_billing     | `project` NULL                                            |   23 |
| aws_cur         | `region` NULL                                             |   20 |
| fx_rates        | no rates at all on 2025-04-18 and 2025-05-01              |    - |

Primary keys other than `events.event_id` are unique. An event without `user_id` is a visitor who was not logged in, no dirt.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

TABLES = ("stores", "products", "customers", "orders", "payments", "refunds", "events", "support_tickets", "inventory", "fx_rates",
          "gcp_billing", "aws_cur", "openai_usage")
START, END = date(2025, 1, 1), date(2025, 11, 15)
DAYS = (END - START).days + 1
COUNTRIES = ("Germany", "France", "US", "UK", "Spain")
CURRENCY = ("EUR", "EUR", "USD", "GBP", "EUR")  # of the country at the same place
FIRST = ("Anna", "Ben", "Clara", "David", "Elena", "Finn", "Grace", "Hugo", "Ines", "Jonas", "Karla", "Luis", "Mia", "Noah", "Olga", "Paul")
LAST = ("Becker", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Hughes", "Ivanov", "Jansen", "Keller", "Lopez", "Martin", "Novak")
CITIES = ("Berlin", "Paris", "Boston", "London", "Madrid", "Hamburg", "Lyon", "Austin", "Leeds", "Seville")


@dataclass(frozen=True)
class Shop:
    """All tables at one size; `scale` 1.0 is 20,000 customers and 200,000 orders."""

    scale: float = 1.0

    def size(self, full: int, least: int = 10) -> int:
        """Rows of a table of `full` rows at this scale."""
        return max(least, round(full * self.scale))

    def tables(self, but: Container[str] = ()) -> Iterator[tuple[str, pa.Table]]:
        """Every table with its catalogued name, made when asked for; those in `but` are left out."""
        for name in TABLES:
            if name not in but:
                yield name, getattr(self, name)()

    # -- who buys what, where ------------------------------------------------------------------------------------------------------
    @cached_property
    def _joined(self) -> np.ndarray:
        """When each customer came, in seconds since START, rising: a good half before the period."""
        import numpy as np

        n = self.size(20_000)
        before = 400 * 86_400
        seconds = np.sort(draw("customers.created_at", n)) * (before + (DAYS - 30) * 86_400) - before
        return seconds.astype("int64") + np.arange(n)

    @cached_property
    def _country(self) -> np.ndarray:
        return weighted("customers.country", len(self._joined), (30, 22, 20, 16, 12))

    def customers(self) -> pa.Table:
        import numpy as np

        n = len(self._joined)
        first, last = pick("customers.first", n, FIRST), pick("customers.last", n, LAST)
        email = [f"{a}.{b}.{i + 1}@example.com".lower() for i, (a, b) in enumerate(zip(first, last, strict=True))]
        country: list[str | None] = [COUNTRIES[c] for c in self._country]
        for i in every(n, 250, 11):
            email[i] = email[i - 10]
        for i in every(n, 200, 33):
            email[i] = f"  {email[i].upper()} "
        for i in every(n, 400, 303):
            country[i] = f"{country[i]} "
        for i in every(n, 1000, 101):
            country[i] = "Wonderland"
        for i in every(n, 1000, 202):
            country[i] = None
        phone = np.floor(draw("customers.phone", n) * 9e6).astype("int64") + 1_000_000
        return table(
            customer_id=serial(n), name=[f"{a} {b}" for a, b in zip(first, last, strict=True)],
            email=without(email, every(n, 100, 7)), phone=[f"+00 555 {p}" for p in phone], country=country,
            segment=pick("customers.segment", n, ("enterprise", "smb", "consumer"), (1, 3, 8)),
            status=pick("customers.status", n, ("active", "inactive", "churned"), (14, 3, 3)), created_at=moments(self._joined))

    @cached_property
    def _orders(self) -> dict[str, Any]:
        """The numbers of the orders, before they get dirty: day, customer, product, quantity, price, discount, amount, status."""
        import numpy as np

        n = self.size(200_000)
        day = np.sort(busy_days("orders.order_date", n))
        known = np.searchsorted(self._joined, day * 86_400, side="right")
        customer = np.floor(draw("orders.customer_id", n) * known).astype("int64")
        product = np.floor(squared("orders.product_id", n) * len(self._prices)).astype("int64")
        quantity = weighted("orders.quantity", n, (50, 25, 12, 8, 5)) + 1
        price = self._prices[product]
        tenth = (draw("orders.discounted", n) < 0.2) * np.floor(quantity * price * 0.4) / 4  # a tenth, in quarters
        return {"day": day, "customer": customer, "product": product, "quantity": quantity, "price": price, "discount": tenth,
                "amount": quantity * price - tenth, "status": weighted("orders.status", n, (62, 8, 7, 17, 6)),
                "store": np.floor(draw("orders.store_id", n) * self.size(25, 5)).astype("int64")}

    def orders(self) -> pa.Table:
        import numpy as np

        o, n = self._orders, len(self._orders["day"])
        names = ("paid", "cancelled", "pending", "shipped", "refunded")
        status = [names[s] for s in o["status"]]
        for i in every(n, 1000, 51):
            status[i] = status[i].upper()
        customer, amount = o["customer"] + 1, o["amount"].copy()
        customer[every(n, 500, 29)] += 10_000_000
        amount[every(n, 400, 17)] *= -1
        later = np.floor(draw("orders.updated_at", n) * 5 * 86_400).astype("int64")
        return table(
            order_id=serial(n), customer_id=customer, product_id=o["product"] + 1, store_id=o["store"] + 1, order_date=dates(o["day"]),
            quantity=o["quantity"], unit_price=o["price"], discount=without(o["discount"], every(n, 200, 77)), amount=amount,
            currency=[CURRENCY[c] for c in self._country[o["customer"]]], status=status,
            updated_at=moments(np.minimum(o["day"] * 86_400 + later, DAYS * 86_400 - 1)))

    # -- money that moved ----------------------------------------------------------------------------------------------------------
    def payments(self) -> pa.Table:
        """One for each order that is neither cancelled nor pending, and a failed first try for some."""
        import numpy as np

        o = self._orders
        done = np.flatnonzero((o["status"] != 1) & (o["status"] != 2))
        failed = done[draw("payments.failed", len(done)) < 0.06]
        order = np.sort(np.concatenate([done, failed]))
        n = len(order)
        first_try = np.append(order[:-1] == order[1:], False)
        order_id = order + 1
        order_id[every(n, 2000, 9)] += 10_000_000
        state = np.where(first_try, 1, np.where(o["status"][order] == 4, 2, 0))
        wait = np.floor(draw("payments.paid_at", n) * 3600).astype("int64") + np.where(first_try, 0, 3600)
        return table(
            payment_id=serial(n), order_id=order_id, method=pick("payments.method", n, ("card", "paypal", "wire"), (6, 3, 1)),
            amount=o["amount"][order], currency=[CURRENCY[c] for c in self._country[o["customer"][order]]],
            paid_at=moments(o["day"][order] * 86_400 + 8 * 3600 + wait), status=[("settled", "failed", "refunded")[s] for s in state])

    def refunds(self) -> pa.Table:
        import numpy as np

        o = self._orders
        order = np.flatnonzero(o["status"] == 4)
        n = len(order)
        amount = o["amount"][order].copy()
        amount[every(n, 300, 5)] += 500
        late = np.floor(draw("refunds.refunded_at", n) * 10 * 86_400).astype("int64")
        reason = pick("refunds.reason", n, ("damaged", "wrong size", "too late", "changed mind"), (3, 3, 2, 4))
        return table(refund_id=serial(n), order_id=order + 1, amount=amount, reason=without(reason, every(n, 20, 4)),
                     refunded_at=moments(np.minimum(o["day"][order] * 86_400 + 86_400 + late, DAYS * 86_400 - 1)))

    # -- what people did -----------------------------------------------------------------------------------------------------------
    def events(self) -> pa.Table:
        import numpy as np

        n = self.size(300_000)
        at = np.sort(busy_days("events.day", n) * 86_400 + np.floor(draw("events.second", n) * 86_400).astype("int64"))
        user = np.floor(squared("events.user_id", n) * np.searchsorted(self._joined, at, side="right")).astype("int64")
        pages = ("/", "/search", "/product", "/cart", "/checkout", "/account")
        made = table(
            event_id=[f"e{i:07d}" for i in range(1, n + 1)],
            user_id=without(user + 1, np.flatnonzero(draw("events.anonymous", n) < 0.1)),
            event_type=pick("events.event_type", n, ("click", "view", "purchase", "signup"), (30, 60, 8, 2)), event_time=moments(at),
            page=pick("events.page", n, pages, (20, 15, 35, 15, 8, 7)),
            device=pick("events.device", n, ("mobile", "desktop"), (3, 2)),
            session_id=[f"s{u * 400 + d:09d}" for u, d in zip(user.tolist(), (at // 86_400).tolist(), strict=True)])
        return made.take(np.sort(np.concatenate([np.arange(n), every(n, 500, 3)])))

    def support_tickets(self) -> pa.Table:
        import numpy as np

        n = self.size(8_000)
        at = np.sort(busy_days("tickets.day", n) * 86_400 + np.floor(draw("tickets.second", n) * 86_400).astype("int64"))
        customer = np.floor(draw("tickets.customer_id", n) * np.searchsorted(self._joined, at, side="right")).astype("int64")
        closed = at + 3600 + np.floor(draw("tickets.closed_at", n) * 6 * 86_400).astype("int64")
        open_still = closed >= DAYS * 86_400
        wrong = every(n, 400, 7)
        closed[wrong], open_still[wrong] = at[wrong] - 7200, False
        return table(ticket_id=serial(n), customer_id=customer + 1, opened_at=moments(at),
                     closed_at=without(moments(closed), np.flatnonzero(open_still)),
                     priority=pick("tickets.priority", n, ("high", "low", "urgent"), (3, 6, 1)),
                     status=["open" if still else "closed" for still in open_still])

    # -- things and places ---------------------------------------------------------------------------------------------------------
    @cached_property
    def _prices(self) -> np.ndarray:
        """List price of every product, in quarters, 1.00 to about 450."""
        import numpy as np

        u = draw("products.list_price", self.size(500, 20))
        made: np.ndarray = np.floor((1 + 449 * u * u * u) * 4) / 4
        return made

    def products(self) -> pa.Table:
        n = len(self._prices)
        category = pick("products.category", n, ("electronics", "toys", "books", "grocery"), (3, 3, 4, 5))
        brand = pick("products.brand", n, ("Alder", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Linden", "Oak"))
        return table(product_id=serial(n), product_name=[f"{b} {c} {i + 1}" for i, (b, c) in enumerate(zip(brand, category, strict=True))],
                     category=category, brand=brand, list_price=without(self._prices, every(n, 250, 99)))

    def stores(self) -> pa.Table:
        n = self.size(25, 5)
        city = [CITIES[i % len(CITIES)] for i in range(n)]
        return table(store_id=serial(n), store_name=[f"{c} {1 + i // len(CITIES)}" for i, c in enumerate(city)], city=city,
                     region=[("north", "south", "west", "east")[i % 4] for i in range(n)])

    def inventory(self) -> pa.Table:
        import numpy as np

        stores, products = self.size(25, 5), len(self._prices)
        n = stores * products
        on_hand = np.floor(squared("inventory.on_hand", n) * 400).astype("int64")
        on_hand[every(n, 500, 13)] = -3
        return table(store_id=np.repeat(np.arange(1, stores + 1), products), product_id=np.tile(np.arange(1, products + 1), stores),
                     on_hand=on_hand, snapshot_date=dates(np.full(n, DAYS - 1)))

    # -- rates and bills: one row a day and kind, whatever the scale ---------------------------------------------------------------
    def fx_rates(self) -> pa.Table:
        import numpy as np

        kinds, base = ("EUR", "USD", "GBP", "CHF", "JPY"), np.array([1.09, 1.0, 1.27, 1.13, 0.0067])
        day, kind = (grid.ravel() for grid in np.meshgrid(np.arange(DAYS), np.arange(len(kinds)), indexing="ij"))
        holiday = np.isin(day, [(date(2025, 4, 18) - START).days, (date(2025, 5, 1) - START).days])
        wobble = np.where(kind == 1, 0, (draw("fx_rates.rate", len(day)) - 0.5) * 0.04)
        rate = np.round(base[kind] * (1 + wobble), 6)
        return table(rate_date=dates(day), currency=[kinds[k] for k in kind], rate_to_usd=rate).filter(~holiday)

    def gcp_billing(self) -> pa.Table:
        import numpy as np

        skus = [("BigQuery", "Analysis"), ("BigQuery", "Active Storage"), ("Compute Engine", "N2 Instance Core"),
                ("Compute Engine", "N2 Instance Ram"), ("Cloud Storage", "Standard Storage"), ("Cloud Storage", "Class A Operations")]
        day, project, sku = daily(("shop-prod", "shop-dev", "shop-data", "shop-ml", "shop-web", "shop-test"), skus)
        n = len(day)
        cost = sixteenths("gcp_billing.cost", n, 180)
        credit = np.where(cost > 100, 0.0 - sixteenths("gcp_billing.credits", n, 20), 0.0)
        return table(usage_date=dates(day), project=without(project, every(n, 500, 21)), service=[s for s, _ in sku],
                     sku=[s for _, s in sku], cost=cost, currency=["USD"] * n, credits=credit)

    def aws_cur(self) -> pa.Table:
        services = [(s, r) for s in ("AmazonEC2", "AmazonS3", "AmazonRDS", "AWSLambda") for r in ("us-east-1", "eu-west-1")]
        day, account, use = daily(("111122223333", "444455556666", "777788889999"), services)
        n = len(day)
        return table(usage_date=dates(day), account_id=account, service=[s for s, _ in use],
                     region=without([r for _, r in use], every(n, 400, 11)), unblended_cost=sixteenths("aws_cur.cost", n, 240),
                     currency=["USD"] * n)

    def openai_usage(self) -> pa.Table:
        import numpy as np

        day, org, model = daily(("shop", "shop-research"), ("gpt-4o", "gpt-4o-mini"))
        n = len(day)
        given = np.floor(draw("openai_usage.input_tokens", n) * 4e6).astype("int64")
        got = np.floor(draw("openai_usage.output_tokens", n) * 8e5).astype("int64")
        price = np.where(np.array(model) == "gpt-4o", 40, 2)  # 1/16 USD a million tokens given; four times that for what came back
        return table(usage_date=dates(day), org=org, model=model, input_tokens=given, output_tokens=got,
                     cost_usd=(given + 4 * got) * price // 1_000_000 / 16)


# -- streams and columns -------------------------------------------------------------------------------------------------------------
def draw(stream: str, n: int) -> np.ndarray:
    """`n` numbers in [0, 1) that belong to this stream name for ever: the legacy generator is frozen, newer ones may change."""
    import numpy as np

    made: np.ndarray = np.random.RandomState(crc32(stream.encode())).random_sample(n)
    return made


def weighted(stream: str, n: int, weights: Sequence[int]) -> np.ndarray:
    """Places 0 .. len(weights) - 1, each as often as its weight says."""
    import numpy as np

    edges = np.cumsum(weights)
    made: np.ndarray = np.searchsorted(edges, draw(stream, n) * edges[-1], side="right").astype("int64")
    return made


def squared(stream: str, n: int) -> np.ndarray:
    """Many small, few large; a product, because powers differ between machines in the last bit."""
    u = draw(stream, n)
    made: np.ndarray = u * u
    return made


def pick(stream: str, n: int, values: Sequence[str], weights: Sequence[int] = ()) -> list[str]:
    return [values[i] for i in weighted(stream, n, weights or (1,) * len(values)).tolist()]


def busy_days(stream: str, n: int) -> np.ndarray:
    """Days since START: business grows, weekends are strong, November is stronger."""
    import numpy as np

    day = np.arange(DAYS)
    weight = 300 + day + np.where((day + START.weekday()) % 7 >= 5, 120, 0) + np.where(day >= 304, 150, 0)
    return weighted(stream, n, weight.tolist())


def sixteenths(stream: str, n: int, most: int) -> np.ndarray:
    """Costs from 0 to `most`, in sixteenths, many small and few large."""
    import numpy as np

    made: np.ndarray = np.floor(draw(stream, n) * squared(stream, n) * most * 16) / 16
    return made


def daily(*kinds: Sequence[Any]) -> tuple[np.ndarray, list[Any], list[Any]]:
    """Every day with every pair of the two kinds: the days, the first kind, the second."""
    import numpy as np

    first, second = kinds
    day, a, b = (grid.ravel() for grid in np.meshgrid(np.arange(DAYS), np.arange(len(first)), np.arange(len(second)), indexing="ij"))
    return day, [first[i] for i in a.tolist()], [second[i] for i in b.tolist()]


def every(n: int, stride: int, at: int) -> np.ndarray:
    """The places at, at + stride, ... below n: where the dirt lies."""
    import numpy as np

    return np.arange(at, n, stride)


def serial(n: int) -> np.ndarray:
    import numpy as np

    return np.arange(1, n + 1)


def without(values: Any, places: np.ndarray) -> pa.Array:
    """The same column with NULL at these places."""
    import numpy as np
    import pyarrow as pa

    if not isinstance(values, pa.Array):
        mask = np.zeros(len(values), dtype=bool)
        mask[places] = True
        return pa.array(values, mask=mask)
    rest = np.ones(len(values), dtype=bool)
    rest[places] = False
    import pyarrow.compute as pc

    return pc.if_else(pa.array(rest), values, pa.scalar(None, values.type))


def dates(day: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return pa.array((day + (START - date(1970, 1, 1)).days).astype("int32"), pa.int32()).cast(pa.date32())


def moments(seconds: np.ndarray) -> pa.Array:
    """Seconds since START as UTC timestamps."""
    import pyarrow as pa

    epoch = (START - date(1970, 1, 1)).days * 86_400
    return pa.array((seconds + epoch) * 1_000_000).cast(pa.timestamp("us", tz="UTC"))


def table(**columns: Any) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in columns.items()})
