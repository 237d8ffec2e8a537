"""One promise, two warehouses."""

from flows.warehouse.base import (
                                  LINEAGE,
                                  SLICE_KEY,
                                  Capabilities,
                                  Column,
                                  Diff,
                                  ExecResult,
                                  LoadResult,
                                  QueryLimits,
                                  Relation,
                                  Slice,
                                  SqlPlan,
                                  TableSpec,
                                  Verdict,
                                  Warehouse,
                                  WriteMode,
)

__all__ = ["LINEAGE", "SLICE_KEY", "Capabilities", "Column", "Diff", "ExecResult", "LoadResult", "QueryLimits", "Relation", "Slice",
           "SqlPlan", "TableSpec", "Verdict", "Warehouse", "WriteMode"]
