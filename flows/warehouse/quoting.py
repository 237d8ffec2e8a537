"""Names and texts as parts of SQL, quoted by sqlglot for the engine that reads them: the only way a value gets into a statement's text."""

from __future__ import annotations


def literal(value: str, dialect: str = "duckdb") -> str:
    """A text as an SQL literal."""
    from sqlglot import exp

    return exp.Literal.string(value).sql(dialect=dialect)


def name_sql(name: str, dialect: str = "duckdb") -> str:
    """A quoted name."""
    from sqlglot import exp

    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)
