"""Where the alias of a column may be used: after GROUP BY, HAVING, QUALIFY and ORDER BY, never in the same SELECT list or its WHERE.

Source: BigQuery, "Query syntax", visibility of aliases. DuckDB and sqlglot allow more.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.schema import Schema

from flows.warehouse.trees import invalid

AFTER = ("group", "having", "order", "qualify", "limit", "offset", "distinct", "windows")
_HIDDEN = "_penstock_alias"


def check(tree: exp.Expr, schema: Schema) -> None:
    """Raises SqlError for a name that only another column's alias explains."""
    for select in tree.find_all(exp.Select):
        aliases = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)}
        where = select.args.get("where")
        for column in [c for part in (*select.expressions, *([where] if where is not None else [])) for c in part.find_all(exp.Column)]:
            if not column.table and column.name.lower() in aliases and column.find_ancestor(exp.Select) is select \
                    and not _is_column(select, column.name.lower(), schema):
                raise invalid(column, f"the alias {column.name!r} cannot be used in the same SELECT", "Repeat the expression or use a WITH")


def _is_column(select: exp.Select, name: str, schema: Schema) -> bool:
    """The name is a column of what the SELECT reads: it is found with all aliases taken away."""
    from sqlglot.optimizer.qualify import qualify

    if select.args.get("from_") is None:
        return False
    probe = select.copy()
    for key in AFTER:
        probe.set(key, None)
    for item in probe.expressions:
        if isinstance(item, exp.Alias):
            item.set("alias", exp.to_identifier(f"{_HIDDEN}_{item.alias}"))
    above, here = [], select.parent
    while here is not None:
        found = here.args.get("with_")
        if found is not None:
            above.append(found)
        here = here.parent
    tables = []
    for with_ in (*reversed(above), *([select.args["with_"]] if select.args.get("with_") else [])):
        for cte in with_.expressions:
            if any(inner is select for inner in cte.find_all(exp.Select)):
                break  # it reads what stands before it, and nothing that may read it
            tables.append(cte.copy())
    known = {cte.alias.lower() for cte in tables}
    if any(not table.args.get("db") and table.name.lower() not in known for table in probe.find_all(exp.Table)):
        return True  # a recursive query reads itself
    probe.set("with_", exp.With(expressions=tables) if tables else None)
    try:
        qualify(probe, dialect="bigquery", schema=schema, quote_identifiers=False)
    except OptimizeError as error:
        return str(error).partition("'")[2].partition("'")[0].lower() != name
    except SqlglotError:
        return True
    return True
