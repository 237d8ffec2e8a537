"""Types of what sqlglot leaves untyped: fields of JSON and of structs in any case, arrays of JSON, approximate aggregates."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects import BigQuery

from flows.warehouse.trees import T

HLL = "HLL_COUNT"


def _array(item: exp.DataType | None) -> exp.DataType:
    inner = [item.copy()] if item is not None else []
    return exp.DataType(this=T.ARRAY, expressions=inner, nested=True)


def _dot(self: Any, node: exp.Dot) -> exp.Dot:
    self._annotate_dot(node)
    inner = node.this.type
    if isinstance(node.this, exp.Identifier) and node.this.name.upper() == HLL and node.expression.name.upper() == "EXTRACT":
        self._set_type(node, T.BIGINT)
    elif inner is not None and inner.is_type(T.JSON):
        self._set_type(node, T.JSON)
    elif inner is not None and inner.is_type(T.STRUCT):
        wanted = node.expression.name.lower()
        found = next((field for field in inner.expressions if field.name.lower() == wanted), None)
        if found is not None:
            self._set_type(node, found.args.get("kind"))
    return node


def _bracket(self: Any, node: exp.Bracket) -> exp.Bracket:
    self._annotate_bracket(node)
    if node.this.type is not None and node.this.type.is_type(T.JSON):
        self._set_type(node, T.JSON)
    return node


def _items(self: Any, node: exp.JSONExtractArray) -> exp.JSONExtractArray:
    is_json = node.this.type is not None and node.this.type.is_type(T.JSON)
    self._set_type(node, _array(exp.DataType(this=T.JSON if is_json else T.VARCHAR)))
    return node


def _quantiles(self: Any, node: exp.ApproxQuantiles) -> exp.ApproxQuantiles:
    value = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    self._set_type(node, _array(value.type))
    return node


def _top(self: Any, node: exp.ApproxTopK | exp.ApproxTopSum) -> exp.Expr:
    second = T.BIGINT if isinstance(node, exp.ApproxTopK) else node.expression.type
    fields = [exp.ColumnDef(this=exp.to_identifier(name), kind=exp.DataType.build(kind) if kind is not None else None)
              for name, kind in (("value", node.this.type), ("count" if isinstance(node, exp.ApproxTopK) else "sum", second))]
    self._set_type(node, _array(exp.DataType(this=T.STRUCT, expressions=fields, nested=True)))
    return node


METADATA = {
    **BigQuery.EXPRESSION_METADATA,
    exp.Dot: {"annotator": _dot}, exp.Bracket: {"annotator": _bracket}, exp.JSONExtractArray: {"annotator": _items},
    exp.ApproxQuantiles: {"annotator": _quantiles}, exp.ApproxTopK: {"annotator": _top}, exp.ApproxTopSum: {"annotator": _top},
    exp.RegexpExtractAll: {"annotator": lambda self, e: self._set_type(e, _array(e.this.type)) or e},
}
