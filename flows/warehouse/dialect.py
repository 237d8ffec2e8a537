"""BigQuery SQL for DuckDB: names resolved and types known first, then rule by rule; what has no rule is refused, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError

from flows.errors import SqlError
from flows.spec.suggest import did_you_mean
from flows.warehouse import (
    aliases,
    allowed,
    macros,
    recursion,
    rewrite_agg,
    rewrite_array,
    rewrite_cast,
    rewrite_json,
    rewrite_number,
    rewrite_print,
    rewrite_regexp,
    rewrite_series,
    rewrite_text,
    rewrite_time,
    rewrite_value,
    shape,
)
from flows.warehouse.annotate import HLL, METADATA
from flows.warehouse.base import Column
from flows.warehouse.evolve import fits
from flows.warehouse.rewrite_time import DUCK_TYPES
from flows.warehouse.trees import Rule, agree, call, cast, invalid, is_text, kind, refuse

RULES: dict[type[exp.Expr], Rule] = {
    **rewrite_value.RULES, **rewrite_agg.RULES, **rewrite_number.RULES, **rewrite_cast.RULES, **rewrite_text.RULES,
    **rewrite_regexp.RULES, **rewrite_array.RULES, **rewrite_json.RULES, **rewrite_print.RULES, **rewrite_time.RULES,
    **rewrite_series.RULES,
}
SAME: frozenset[type[exp.Expr]] = frozenset({
    # the same on both
    exp.Count, exp.CountIf, exp.Min, exp.Max, exp.AnyValue, exp.HavingMax, exp.LogicalAnd, exp.LogicalOr, exp.ArgMax, exp.ArgMin,
    exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr, exp.CovarPop, exp.CovarSamp,
    exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    exp.NthValue, exp.PercentileCont, exp.PercentileDisc, exp.If, exp.Coalesce, exp.Nullif, exp.Case, exp.Greatest, exp.Least,
    exp.Upper, exp.Lower, exp.Trim, exp.Length, exp.ByteLength, exp.Concat, exp.StartsWith, exp.EndsWith, exp.Contains, exp.Left,
    exp.Right, exp.Reverse, exp.Split, exp.Initcap, exp.Replace, exp.Abs, exp.Sign, exp.Ceil, exp.Floor, exp.IsNan, exp.IsInf,
    exp.Rand, exp.Uuid, exp.Array, exp.Struct, exp.Exists, exp.Unnest, exp.CurrentTimestamp, exp.Unicode, exp.Chr,
    exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.SHA2Digest, exp.MD5Digest, exp.And, exp.Or, exp.Xor, exp.JSONPath, exp.JSONPathRoot,
    exp.Pi, exp.Like, exp.Anonymous, exp.ApproxDistinct, exp.SafeFunc,
    exp.TableSample, exp.WeekStart, exp.Grouping, exp.BitwiseCount, exp.JSONKeyValue, exp.Kwarg, exp.GroupingSets, exp.Rollup, exp.Cube,
})
TEXT = (exp.Upper, exp.Lower, exp.Trim, exp.Length, exp.Reverse, exp.Split, exp.Initcap, exp.Replace, exp.StartsWith, exp.EndsWith,
        exp.Left, exp.Right, exp.Substring, exp.RegexpLike, exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpReplace, exp.Pad, exp.Repeat,
        exp.Like, exp.StrPosition, exp.Unicode, exp.Ascii, exp.RegexpInstr, exp.Translate, exp.Soundex, exp.Levenshtein, exp.Normalize)
"""Functions of text and bytes: DuckDB would make text of anything else."""
KNOWN = frozenset({
    "APPENDS", "CHANGES", "BIT_COUNT", "CODE_POINTS_TO_BYTES", "CODE_POINTS_TO_STRING", "COSINE_DISTANCE", "EDIT_DISTANCE",
    "EUCLIDEAN_DISTANCE", "INT64", "IS_INF", "IS_NAN", "JSON_ARRAY_APPEND", "JSON_ARRAY_INSERT", "JSON_FLATTEN", "LAX_BOOL",
    "LAX_FLOAT64", "LAX_INT64", "LAX_STRING", "NORMALIZE_AND_CASEFOLD", "PARSE_BIGNUMERIC", "PARSE_NUMERIC", "PARSE_TIME",
    "RANGE_BUCKET", "RANGE_CONTAINS", "RANGE_OVERLAPS", "REGEXP_INSTR", "REGEXP_SUBSTR", "S2_CELLIDFROMPOINT",
    "SAFE_CONVERT_BYTES_TO_STRING", "SAFE_NEGATE", "SEARCH", "TO_CODE_POINTS", "VECTOR_SEARCH", "ARRAY_FIRST", "ARRAY_LAST",
    "ARRAY_SLICE", "COLLATE", "FORMAT_TIME", "CBRT", "COT", "CSC", "SEC",
})
"""Functions of BigQuery that sqlglot has no node for: refused, where an unknown name is an error."""
_EXACT = "{} is exact here, an estimate on BigQuery when there are many values"
APPROXIMATE: dict[type[exp.Expr], str] = {
    exp.ApproxDistinct: _EXACT.format("APPROX_COUNT_DISTINCT"),
    exp.ApproxQuantiles: _EXACT.format("APPROX_QUANTILES"),
    exp.ApproxTopK: _EXACT.format("APPROX_TOP_COUNT") + ", and which of equally many comes first",
}


def _quote(tree: exp.Expr) -> None:
    """Quote every name that is not plain: those that sqlglot makes out of a `*` are bare, and a column may have any name."""
    for name in tree.find_all(exp.Identifier):
        if not name.quoted and not exp.SAFE_IDENTIFIER_RE.fullmatch(name.name):
            name.set("quoted", True)


class Translation:
    """One query on its way; `notes` say where the answer may differ from BigQuery's."""

    def __init__(self, schemas: Mapping[str, Sequence[Column]], project: str = "") -> None:
        self.schemas, self.project, self.notes = schemas, project, []  # type: ignore[var-annotated]

    def query(self, tree: exp.Expr) -> exp.Expr:
        """A query whose tables already stand for objects of the session."""
        shape.prepare(tree, self.schemas)
        _name_outputs(tree)
        wanted = {name: name for name in _outputs(tree)}
        for columns in self.schemas.values():
            wanted = {c.name: c.name for c in columns} | wanted
        spelled = {name.lower(): name for name in wanted}
        made = self.rules(recursion.bounded(self._qualified(tree)))
        shape.result(made)
        top: exp.Expr = made
        while isinstance(top, (exp.SetOperation, exp.Subquery)):
            top = top.this
        if isinstance(top, exp.Select):
            for item in top.expressions:
                if isinstance(item, exp.Alias) and item.alias.lower() in spelled:
                    item.set("alias", exp.to_identifier(spelled[item.alias.lower()], quoted=True))
        return made

    def _qualified(self, tree: exp.Expr) -> exp.Expr:
        from sqlglot.optimizer.annotate_types import annotate_types
        from sqlglot.optimizer.qualify import qualify
        from sqlglot.schema import MappingSchema

        known = {table: {c.name: c.type for c in columns} for table, columns in self.schemas.items()}
        schema = MappingSchema({"penstock": known} if known else {}, dialect="bigquery")
        aliases.check(tree, schema)
        try:
            made = qualify(tree, dialect="bigquery", schema=schema, quote_identifiers=False)
            _quote(made)
            return annotate_types(made, schema, expression_metadata=METADATA, dialect="bigquery")
        except OptimizeError as error:
            raise self._unresolved(str(error), tree) from None
        except SqlglotError as error:
            raise SqlError(str(error)[:200]) from None

    def _unresolved(self, text: str, tree: exp.Expr) -> SqlError:
        if any(not unnest.args.get("alias") for unnest in tree.find_all(exp.Unnest)):
            return refuse(tree, "the columns of an UNNEST without a name are not known here",
                          "Write UNNEST(items) AS item, and item.column")
        if "missing source" in text:
            return refuse(tree, "the sources of this query cannot be told apart here", "Give every table and sub-query a name with AS")
        name = text.partition("'")[2].partition("'")[0]
        known = sorted({c.name for columns in self.schemas.values() for c in columns})
        if "could not be resolved" in text and name:
            return SqlError(f"there is no column {name!r}", code="unknown_column",
                            fix=did_you_mean(name, known) or (f"The columns are: {', '.join(known[:20])}" if known else ""))
        return SqlError(text[:200])

    def rules(self, tree: exp.Expr) -> exp.Expr:
        """Rewrite every node, the inner ones first. The tree is annotated; its types are kept on what replaces a node."""
        for node in reversed(list(tree.bfs())):
            if node is not tree and node.parent is None:
                continue
            made = self._one(node)
            if made is not node:
                made.type = made.type or node.type
                if node is tree:
                    tree = made
                else:
                    node.replace(made)
        return tree

    def _one(self, node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast) and node.meta.get("ours"):  # a function of the script, with its type
            inner: exp.Expr = node.this
            inner.type = node.type
            return inner
        if isinstance(node, exp.Parameter):
            return self._variable(node)
        if isinstance(node, exp.SafeFunc):
            return self._safe(node)
        if isinstance(node, exp.SessionUser):
            self.notes.append("SESSION_USER is another name on BigQuery")
            return exp.Literal.string("local")
        if isinstance(node, exp.TableSample) and node.args.get("percent") is not None and float(node.args["percent"].name) not in (0, 100):
            self.notes.append("TABLESAMPLE takes other rows each time, here and on BigQuery")
        if kind(node) == "BIGNUMERIC":
            self.notes.append("a BIGNUMERIC has 38 digits here, 18 of them after the point; on BigQuery 76 and 38")
        if isinstance(node, exp.Anonymous):
            return self._unknown(node)
        if isinstance(node, exp.Dot) and isinstance(node.this, exp.Identifier) and node.this.name.upper() == HLL:
            return self._sketch(node)
        if isinstance(node, TEXT) and kind(node.this) not in ("STRING", "BYTES", "") and not isinstance(node.this, exp.Null):
            raise invalid(node, f"{node.key.upper()} takes STRING or BYTES, not {kind(node.this)}", "Cast it to STRING")
        if type(node) in APPROXIMATE:
            self.notes.append(APPROXIMATE[type(node)])
        rule = RULES.get(type(node))
        if rule is not None:
            return rule(node)
        if isinstance(node, exp.Func) and type(node) not in SAME:
            raise refuse(node, f"function {node.sql(dialect='bigquery').partition('(')[0]} is not offered by the local warehouse yet")
        return _structure(node)

    def _variable(self, node: exp.Parameter) -> exp.Expr:
        if isinstance(node.parent, exp.Parameter):
            return node  # @@name is a parameter of a parameter
        inner = node.this
        if isinstance(inner, exp.Parameter) and inner.name.lower() == "project_id" and self.project:
            return exp.Literal.string(self.project)
        raise refuse(node, f"@@{inner.name} is not offered by the local warehouse")

    def _safe(self, node: exp.SafeFunc) -> exp.Expr:
        inner = node.this
        if inner.meta.get("quiet"):
            return macros.quiet(inner)
        if isinstance(inner, exp.Anonymous) and inner.name in macros.RAISING:  # its arguments may still stop the statement
            return call(f"{inner.name}{macros.OR_NULL}", *(part.copy() for part in inner.expressions))
        parts = inner.expressions if isinstance(inner, exp.Anonymous) else [inner]
        if isinstance(inner, (exp.Anonymous, exp.Cast)) and not any(_can_raise(n) for part in parts for n in part.find_all(exp.Anonymous)):
            return call("try", inner.copy())
        raise refuse(node, "this SAFE. function is not offered by the local warehouse", "Use SAFE_CAST, SAFE_DIVIDE or a CASE")

    def _sketch(self, node: exp.Dot) -> exp.Expr:
        """HLL_COUNT.f(...): the outermost one decides for those inside."""
        if isinstance(node.parent, exp.Anonymous) and isinstance(node.parent.parent, exp.Dot):
            return node
        self.notes.append(_EXACT.format("HLL_COUNT"))
        return rewrite_agg.sketch(node)

    def _unknown(self, node: exp.Anonymous) -> exp.Expr:
        """A function that sqlglot has no node for: one of our own, one of the script's, or none of BigQuery's."""
        name = node.name
        if node.meta.get("ours"):
            for given, wanted in zip(node.expressions, node.meta.get("takes", ()), strict=False):
                if kind(given) and not fits(kind(given), wanted.partition("<")[0]) and not isinstance(given, exp.Null):
                    raise invalid(node, f"a value of type {kind(given)} does not fit an argument of type {wanted}", f"Cast it to {wanted}")
            return node
        if isinstance(node.parent, exp.Dot) and node.parent.this.name.upper() == HLL:
            return node
        if name.upper() == "ERROR" and len(node.expressions) == 1:
            return call("error", node.expressions[0].copy())
        if name.upper() == "IEEE_DIVIDE" and len(node.expressions) == 2:
            return exp.Div(this=cast(node.expressions[0].copy(), "DOUBLE"), expression=cast(node.expressions[1].copy(), "DOUBLE"))
        if isinstance(node.parent, exp.Dot) or name.upper() in KNOWN or allowed.refused(node) is None:
            raise refuse(node, f"function {name} is not offered by the local warehouse yet")
        raise invalid(node, f"there is no function {name}", "Use a function of BigQuery")


def _can_raise(node: exp.Anonymous) -> bool:
    return node.name.startswith("bq_") or node.name == "error"


def _structure(node: exp.Expr) -> exp.Expr:
    """Nodes that are no functions."""
    if isinstance(node, exp.Unnest):
        return _unnest(node)
    if isinstance(node, exp.SetOperation):
        return _together(node)
    return _sample(node) if isinstance(node, exp.TableSample) else node


def _sample(node: exp.TableSample) -> exp.Expr:
    """TABLESAMPLE SYSTEM (n PERCENT): all rows at 100; below it random ones, as on BigQuery."""
    percent, method = node.args.get("percent"), node.args.get("method")
    if method is None or method.name.upper() != "SYSTEM":
        raise invalid(node, "TABLESAMPLE takes SYSTEM (n PERCENT) with n from 0 to 100")
    if not isinstance(percent, exp.Literal) or not 0 <= float(percent.name) <= 100:
        raise invalid(node, "TABLESAMPLE takes SYSTEM (n PERCENT) with n from 0 to 100")
    return node


def _together(node: exp.SetOperation) -> exp.Expr:
    """Both sides of a set operation give the same types; a text literal beside a date is a date."""
    if isinstance(node, (exp.Except, exp.Intersect)) and not node.args.get("distinct"):
        raise invalid(node, f"{node.key.upper()} stands with DISTINCT, never with ALL")
    if node.args.get("side") or node.args.get("kind") or node.args.get("on"):
        raise refuse(node, "a set operation by name with a side or CORRESPONDING is not offered by the local warehouse",
                     "Write the columns in one order")
    sides = [_first(side) for side in (node.this, node.expression)]
    lists = [side.expressions if side is not None else [] for side in sides]
    if any(item.is_star for items in lists for item in items):
        return node
    if len(lists[0]) != len(lists[1]):
        raise invalid(node, f"one side gives {len(lists[0])} columns and the other {len(lists[1])}")
    for pair in zip(*lists, strict=True):
        agree(node, list(pair))
        wanted = next((kind(item) for item in pair if kind(item) in DUCK_TYPES), "")
        for item in pair:
            if wanted and is_text(item.unalias()):
                inner = item.unalias()
                inner.replace(cast(inner.copy(), DUCK_TYPES[wanted]))
    return node


def _unnest(node: exp.Unnest) -> exp.Expr:
    """WITH OFFSET counts from 0, and a struct comes out as its fields where BigQuery lets them be named bare."""
    if not isinstance(node.parent, (exp.From, exp.Join)):
        return node
    if len(node.expressions) != 1:
        raise refuse(node, "UNNEST of several arrays is not offered by the local warehouse")
    alias = node.args.get("alias")
    offset = node.args.get("offset") or None
    table = alias.this.copy() if alias is not None and alias.this is not None else exp.to_identifier(f"_unnest_{id(node) % 100000}")
    name = alias.columns[0] if alias is not None and alias.columns else None
    items = node.expressions[0].copy()
    if offset is None and name is not None:
        node.set("explode_array", None)  # the columns are named through `name`, so its structs stay whole
        return node
    raise_names = node.type is not None and node.type.is_type(exp.DataType.Type.STRUCT) and name is None
    if raise_names and offset is None:
        inner = exp.select(exp.Anonymous(this="unnest", expressions=[items, exp.PropertyEQ(this=exp.to_identifier("max_depth"),
                                                                                          expression=exp.Literal.number(2))]))
        return exp.Lateral(this=exp.Subquery(this=inner), alias=exp.TableAlias(this=table))
    if offset is not None and name is not None:
        index = offset if isinstance(offset, exp.Identifier) else exp.to_identifier("offset")
        inner = exp.select(exp.alias_(exp.Anonymous(this="unnest", expressions=[items.copy()]), name.name, quoted=True),
                           exp.alias_(exp.Sub(this=exp.Anonymous(this="generate_subscripts", expressions=[items, exp.Literal.number(1)]),
                                              expression=exp.Literal.number(1)), index.name, quoted=True))
        return exp.Lateral(this=exp.Subquery(this=inner), alias=exp.TableAlias(this=table))
    if offset is None:
        return node
    raise refuse(node, "UNNEST WITH OFFSET needs an alias for its items here", "Write UNNEST(items) AS item WITH OFFSET AS n")


# -------------------------------------------------------------------- outputs
def _first(tree: exp.Expr) -> exp.Select | None:
    while isinstance(tree, (exp.SetOperation, exp.Subquery)):
        tree = tree.this
    return tree if isinstance(tree, exp.Select) else None


def _name_outputs(tree: exp.Expr) -> None:
    """Columns without a name are f0_, f1_, ... as on BigQuery."""
    select, n = _first(tree), 0
    for item in list(select.expressions) if select is not None else []:
        if isinstance(item, (exp.Alias, exp.Column, exp.Star, exp.Dot)) or item.is_star:
            continue
        item.replace(exp.alias_(item.copy(), f"f{n}_"))
        n += 1


def _outputs(tree: exp.Expr) -> list[str]:
    select = _first(tree)
    return [item.alias_or_name for item in select.expressions if item.alias_or_name] if select is not None else []
