"""How large a written statement may be: its text, its joins, its lists, and the products of tables that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from flows.errors import LimitError

if TYPE_CHECKING:
    from sqlglot import exp

MAX_NODES = 500_000
MAX_DEPTH = 400  # of the tree; what is deeper could not be written out again
MAX_QUERIES = 60  # SELECTs inside of each other
MAX_JOINS = 200  # in the whole statement
MAX_LIST = 10_000  # values of one IN
MAX_PRODUCT = 10**9  # rows of a join without a condition
RANGE = 1000  # how many times larger the product may be when a comparison like BETWEEN narrows it
MAX_ARRAY = 1_048_575  # items that GENERATE_ARRAY makes; source: BigQuery's limit of arrays

MAX_TEXT = 10_000_000  # characters that REPEAT, LPAD and RPAD make

Rows = Callable[[str], int | None]


def size(tree: exp.Expr) -> None:
    """Refuse a statement that is too large to be worked on. Raises LimitError."""
    from sqlglot import exp

    nodes, joins, layer = 0, 0, [(tree, 0, 0)]
    while layer:
        node, depth, queries = layer.pop()
        nodes += 1
        joins += isinstance(node, exp.Join)
        queries += isinstance(node, exp.Select)
        if nodes > MAX_NODES or depth > MAX_DEPTH or queries > MAX_QUERIES:
            raise LimitError("the statement is nested too deeply" if nodes <= MAX_NODES else "the statement has too many parts",
                             fix="Split it into steps")
        if isinstance(node, exp.In) and len(node.expressions) > MAX_LIST:
            raise LimitError(f"a list has {len(node.expressions):,} values, {MAX_LIST:,} are allowed", fix="Load them as a table")
        if _made(node) > (MAX_ARRAY if isinstance(node, exp.GenerateSeries) else MAX_TEXT):
            raise LimitError(f"{node.sql(dialect='bigquery')[:60]} makes {_made(node):,} items or characters", fix="Make fewer")
        # a chain like a AND b AND c, or of UNION ALLs, is no depth: it is written out in a loop
        chain = isinstance(node, (exp.Connector, exp.SetOperation))
        layer += [(child, depth if chain and type(child) is type(node) else depth + 1, queries) for child in node.iter_expressions()]
    if joins > MAX_JOINS:
        raise LimitError(f"the statement has {joins} joins, {MAX_JOINS} are allowed", fix="Split it into steps")


def products(tree: exp.Expr, rows: Rows) -> None:
    """Refuse joins without a condition whose product is huge. `rows`: the count of a table by its written name, None: not known, then
    the time limit is the bound. Raises LimitError with the estimate."""
    from sqlglot import exp

    if tree.find(exp.Join) is not None:
        _Estimate(rows).query(tree, {})


class _Estimate:
    """Rows that a query gives at most, roughly: what is joined by a condition counts as its largest side."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def query(self, tree: exp.Expr, ctes: Mapping[str, float]) -> float:
        from sqlglot import exp

        with_ = tree.args.get("with_")
        if with_ is not None:
            ctes = dict(ctes)
            for cte in with_.expressions:
                name = cte.alias_or_name.lower()
                ctes[name] = 1 if with_.args.get("recursive") else 0  # what a recursion gives is not known before it ran
                ctes[name] = max(ctes[name], self.query(cte.this, ctes))
        if isinstance(tree, exp.SetOperation):
            return sum(self.query(side, ctes) for side in (tree.this, tree.expression))
        if isinstance(tree, exp.Subquery):
            return self.source(tree, ctes)
        if not isinstance(tree, exp.Select):
            for inner in _inside(tree):
                self.query(inner, ctes)
            return 1
        found = self.select(tree, ctes)
        for inner in _inside(tree):
            self.query(inner, ctes)
        limit = tree.args.get("limit")
        count = limit.expression if isinstance(limit, exp.Limit) else None
        return min(found, float(count.name)) if isinstance(count, exp.Literal) and count.is_int else found

    def select(self, tree: exp.Select, ctes: Mapping[str, float]) -> float:
        start = tree.args.get("from_")
        if start is None:
            return 1
        sources = [start.this, *(join.this for join in tree.args.get("joins") or ())]
        sources += [join.this for source in sources[:1] for join in source.args.get("joins") or ()]
        groups = _joined(tree, [source.alias_or_name.lower() for source in sources])
        sizes = [self.source(source, ctes) for source in sources]
        product, factors = 1.0, 0
        for group in groups:
            largest = max((sizes[n] for n in group), default=1)
            product, factors = product * max(largest, 1), factors + (largest > 1)
        if factors > 1 and product > MAX_PRODUCT * (RANGE if _compares(tree) else 1):
            raise LimitError(f"a join without a condition would give about {product:.2g} rows, {MAX_PRODUCT:.0e} are allowed",
                             where="CROSS JOIN", fix="Join with ON or USING, or aggregate one side first")
        grouped = tree.args.get("group") is not None
        return 1 if not grouped and any(_aggregates(item) for item in tree.expressions) else product

    def source(self, source: exp.Expr, ctes: Mapping[str, float]) -> float:
        from sqlglot import exp

        if isinstance(source, exp.Table):
            if not source.args.get("db") and source.name.lower() in ctes:
                return ctes[source.name.lower()]
            return float(self.rows(".".join(part.name for part in source.parts)) or 0)
        if isinstance(source, exp.Subquery):
            found = self.query(source.this, ctes) if source.this is not None else 1
            for join in source.args.get("joins") or ():
                found = max(found, self.source(join.this, ctes))
            return found
        if isinstance(source, exp.Unnest):
            return _items(source.expressions[0]) if len(source.expressions) == 1 else 1
        return 1


def _inside(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Queries in the expressions of a query, not those in its FROM, its WITH or inside others."""
    from sqlglot import exp

    stack = [child for key, value in tree.args.items() if key not in ("with_", "from_", "joins") for child in _list(value)]
    while stack:
        node = stack.pop()
        if isinstance(node, (exp.Select, exp.SetOperation)):
            yield node
        else:
            stack += node.iter_expressions()


def _list(value: object) -> list[exp.Expr]:
    from sqlglot import exp

    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, exp.Expr)]


def _joined(tree: exp.Select, names: list[str]) -> list[set[int]]:
    """The sources of a SELECT in groups: those that a condition between them holds together. `a.x = b.y` in a WHERE is a condition too,
    and USING joins with what stands before it."""
    from sqlglot import exp

    groups = [{n} for n in range(len(names))]

    def together(numbers: set[int]) -> None:
        hit = [group for group in groups if group & numbers]
        for group in hit:
            groups.remove(group)
        groups.append(set().union(*hit, numbers))

    for n, join in enumerate(tree.args.get("joins") or (), 1):
        if join.args.get("using") or str(join.args.get("method") or "").upper() == "NATURAL":
            together({n - 1, n})
    conditions = [join.args["on"] for join in tree.args.get("joins") or () if join.args.get("on") is not None]
    where = tree.args.get("where")
    for condition in [*conditions, *([where.this] if where is not None else [])]:
        for test in condition.find_all(exp.EQ):
            sides = [{column.table.lower() for column in side.find_all(exp.Column)} for side in (test.this, test.expression)]
            bare = len(names) == 2 and all(sides) and any("" in side for side in sides)  # two sources and a name without one: taken as both
            hit = {n for n, name in enumerate(names) if name in sides[0] | sides[1]} if not bare else {0, 1}
            if len(hit) > 1:
                together(hit)
    return groups


def _compares(tree: exp.Select) -> bool:
    """Is there a comparison other than = between columns of two sources?"""
    from sqlglot import exp

    tests = [join.args["on"] for join in tree.args.get("joins") or () if join.args.get("on") is not None]
    tests += [tree.args["where"].this] if tree.args.get("where") is not None else []
    narrow = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.StartsWith, exp.Like)
    return any(len({c.table.lower() for c in found.find_all(exp.Column)}) > 1 for test in tests for found in test.find_all(*narrow))


def _aggregates(item: exp.Expr) -> bool:
    from sqlglot import exp

    found = item.find(exp.AggFunc)
    if found is None or found.find_ancestor(exp.Window) is not None:
        return False
    return found.find_ancestor(exp.Select) is item.find_ancestor(exp.Select)


def _made(node: exp.Expr) -> int:
    """Items or characters that a call makes, where its size is a literal."""
    from sqlglot import exp

    if isinstance(node, exp.GenerateSeries):
        return int(_items(node)) if all(_whole(node.args.get(key)) is not None for key in ("start", "end")) else 0
    size = node.args.get("times") if isinstance(node, exp.Repeat) else node.expression if isinstance(node, exp.Pad) else None
    return _whole(size) or 0


def _items(array: exp.Expr) -> float:
    """The length of an array where it can be read from the text."""
    from sqlglot import exp

    if isinstance(array, exp.Array) and not (array.expressions and isinstance(array.expressions[0], exp.Query)):
        return len(array.expressions)
    if isinstance(array, exp.GenerateSeries):
        ends = [_whole(array.args.get(key)) for key in ("start", "end", "step")]
        if ends[0] is not None and ends[1] is not None and ends[2] != 0:
            return float(max(0, (ends[1] - ends[0]) // (ends[2] or 1) + 1))
        return MAX_ARRAY
    if isinstance(array, (exp.GenerateDateArray, exp.GenerateTimestampArray)):
        return 10_000
    return 1


def _whole(node: exp.Expr | None) -> int | None:
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        inner = _whole(node.this)
        return None if inner is None else -inner
    return int(node.name) if isinstance(node, exp.Literal) and node.is_int else None
