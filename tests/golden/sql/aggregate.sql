-- Aggregates, groups, set operations, pivots. Source: BigQuery, aggregate functions, approximate aggregate functions, query syntax.

-- # 001 aggregate: ARRAY_AGG with each of its words
-- = [[[2, 1, 2], [1, 2], [2, 2], [1, 2, 2]]]
SELECT ARRAY_AGG(x IGNORE NULLS), ARRAY_AGG(DISTINCT x IGNORE NULLS ORDER BY x), ARRAY_AGG(x IGNORE NULLS ORDER BY x DESC LIMIT 2), ARRAY_AGG(x IGNORE NULLS ORDER BY x) FROM UNNEST([2, NULL, 1, 2]) AS x

-- # 002 aggregate: ARRAY_AGG with a NULL in the result is an error
-- = ERROR
SELECT ARRAY_AGG(name) FROM org_acme.people

-- # 003 aggregate: ARRAY_AGG with a NULL that stays inside is none
-- = [[4]]
SELECT ARRAY_LENGTH(ARRAY_AGG(name)) FROM org_acme.people

-- # 004 aggregate: aggregates of no rows
-- = [[0, null, null, true, null, null, 0]]
SELECT COUNT(*), SUM(id), STRING_AGG(name), ARRAY_AGG(id) IS NULL, LOGICAL_AND(active), BIT_AND(id), COUNTIF(active) FROM org_acme.people WHERE id > 99

-- # 005 aggregate: STRING_AGG leaves NULLs out
-- = [["apple,pear,banana,pear", "pear & pear", "apple|banana|pear", null]]
SELECT STRING_AGG(x), STRING_AGG(x, ' & ' ORDER BY x DESC LIMIT 2), STRING_AGG(DISTINCT x, '|' ORDER BY x), STRING_AGG(CAST(NULL AS STRING)) FROM UNNEST(['apple', NULL, 'pear', 'banana', 'pear']) AS x

-- # 006 aggregate: STRING_AGG of numbers is an error
-- = ERROR
SELECT STRING_AGG(id) FROM org_acme.people

-- # 007 aggregate: ARRAY_CONCAT_AGG in order and cut
-- = [[[7, 5, 6, 1, 2, 3, 4], [7, 5, 6]]]
SELECT ARRAY_CONCAT_AGG(x ORDER BY ARRAY_LENGTH(x)), ARRAY_CONCAT_AGG(x ORDER BY ARRAY_LENGTH(x) LIMIT 2) FROM (SELECT [1, 2, 3, 4] AS x UNION ALL SELECT [5, 6] UNION ALL SELECT [7])

-- # 008 aggregate: bits
-- = [[1, 7, 4, 64]]
SELECT BIT_AND(x), BIT_OR(x), BIT_XOR(x), BIT_COUNT(-1) FROM UNNEST([5, 7, 1, 7]) AS x WHERE x > 0

-- # 009 aggregate: the value beside the largest may be NULL
-- = [[null, "Bo", null]]
SELECT MAX_BY(name, id), MIN_BY(name, balance), ANY_VALUE(name HAVING MAX id) FROM org_acme.people

-- # 010 aggregate: APPROX_QUANTILES of few values
-- = [[[1, 5, 10], 9, [1, 6, 10]]]
-- ! approximate
SELECT APPROX_QUANTILES(x, 2), APPROX_QUANTILES(x, 100)[OFFSET(90)], APPROX_QUANTILES(DISTINCT x, 2) FROM UNNEST([1, 1, 1, 4, 5, 6, 7, 8, 9, 10]) AS x

-- # 011 aggregate: APPROX_QUANTILES with its NULLs
-- = [[true, 4, 10]]
-- ! approximate
SELECT q[OFFSET(0)] IS NULL, q[OFFSET(1)], q[OFFSET(2)] FROM (SELECT APPROX_QUANTILES(x, 2 RESPECT NULLS) AS q FROM UNNEST([NULL, NULL, 1, 1, 1, 4, 5, 6, 7, 8, 9, 10]) AS x)

-- # 012 aggregate: APPROX_QUANTILES into 0 parts is an error
-- = ERROR
SELECT APPROX_QUANTILES(x, 0) FROM UNNEST([1]) AS x

-- # 013 aggregate: APPROX_TOP_COUNT counts NULLs as well
-- = [[[{"value": "pear", "count": 3}, {"value": null, "count": 2}]]]
-- ! approximate
SELECT APPROX_TOP_COUNT(x, 2) FROM UNNEST([NULL, 'pear', 'pear', 'pear', 'apple', NULL]) AS x

-- # 014 aggregate: APPROX_COUNT_DISTINCT
-- = [[4]]
-- ! approximate
SELECT APPROX_COUNT_DISTINCT(x) FROM UNNEST([0, 1, 1, 2, 3, 5, NULL]) AS x WHERE x < 5

-- # 015 aggregate: a sketch that is read at once
-- = [[3]]
-- ! approximate
SELECT HLL_COUNT.EXTRACT(HLL_COUNT.INIT(x)) FROM UNNEST(['a', 'b', 'c', 'a']) AS x

-- # 016 aggregate: a sketch that is kept has other bytes
-- ! refused
SELECT HLL_COUNT.INIT(id) FROM org_acme.people

-- # 017 aggregate: ROLLUP and GROUPING
-- = [[null, null, 4, 1, 1], ["", null, 1, 0, 0], ["", null, 1, 0, 1], ["London", null, 1, 0, 1], ["London", true, 1, 0, 0], ["Oslo", null, 2, 0, 1], ["Oslo", false, 1, 0, 0], ["Oslo", true, 1, 0, 0]]
SELECT town, active, COUNT(*) AS n, GROUPING(town) AS g, GROUPING(active) AS h FROM org_acme.people GROUP BY ROLLUP (town, active) ORDER BY town, active, g, h

-- # 018 aggregate: GROUPING SETS
-- = [[null, null, 1, 1], [null, null, 4, 1], [null, false, 1, 1], [null, true, 2, 1], ["", null, 1, 0], ["London", null, 1, 0], ["Oslo", null, 2, 0]]
SELECT town, active, COUNT(*) AS n, GROUPING(town) AS g FROM org_acme.people GROUP BY GROUPING SETS (town, active, ()) ORDER BY 1, 2, 3

-- # 019 aggregate: CUBE
-- = [[9]]
SELECT COUNT(*) FROM (SELECT a, b, COUNT(*) FROM UNNEST([STRUCT(1 AS a, 1 AS b), (1, 2), (2, 1), (2, 2)]) GROUP BY CUBE (a, b))

-- # 020 aggregate: statistics of one value and of none
-- = [[null, 0.0, 0.0, null]]
SELECT STDDEV(x), VAR_POP(x), COVAR_POP(x, x), COVAR_SAMP(x, x) FROM UNNEST([2.0]) AS x

-- # 021 aggregate: set operations drop what stands twice
-- = [[1], [2]]
SELECT * FROM UNNEST([1, 1, 2]) AS x UNION DISTINCT SELECT 2 ORDER BY 1

-- # 022 aggregate: there is no INTERSECT ALL
-- = ERROR
SELECT 1 AS x INTERSECT ALL SELECT 1

-- # 023 aggregate: UNION needs ALL or DISTINCT
-- = ERROR
SELECT 1 AS x UNION SELECT 1

-- # 024 aggregate: UNION ALL BY NAME
-- = [[1, 2], [4, 3]]
SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b, 4 AS a

-- # 025 aggregate: PIVOT and UNPIVOT
-- = [["s1", "20", null], ["s2", null, "5.5"]]
SELECT * FROM (SELECT item.sku AS sku, placed, amount FROM org_acme.orders WHERE person_id = 1) PIVOT (SUM(amount) FOR placed IN (DATE '2025-11-01' AS first, DATE '2025-11-03' AS third)) ORDER BY sku

-- # 026 aggregate: UNPIVOT leaves NULLs out unless told otherwise
-- = [["p", 1, "a"]]
SELECT * FROM (SELECT 'p' AS id, 1 AS a, CAST(NULL AS INT64) AS b) UNPIVOT (val FOR metric IN (a, b))

-- # 027 aggregate: UNPIVOT INCLUDE NULLS with names
-- = [["p", 1, "A"], ["p", null, "B"]]
SELECT * FROM (SELECT 'p' AS id, 1 AS a, CAST(NULL AS INT64) AS b) UNPIVOT INCLUDE NULLS (val FOR metric IN (a AS 'A', b AS 'B')) ORDER BY metric

-- # 028 aggregate: pipe syntax
-- = [["Oslo", 2, 2.5]]
FROM org_acme.people |> WHERE id < 4 |> AGGREGATE COUNT(*) AS n, SUM(score) AS s GROUP BY town |> WHERE n > 1

-- # 029 aggregate: pipe syntax that extends and selects
-- = [[2, 5.0], [1, 3.0]]
FROM org_acme.people |> WHERE score > 0 |> EXTEND score * 2 AS d |> SELECT id, d |> ORDER BY id DESC |> LIMIT 2

-- # 030 aggregate: HAVING with an aggregate of its own
-- = [["Oslo"]]
SELECT town FROM org_acme.people GROUP BY town HAVING COUNT(*) > 1 AND LOGICAL_OR(active)

-- # 032 aggregate: a PIVOT of two aggregates has a column for each
-- = [["", null, 0], ["London", 1.5, 1], ["Oslo", null, 1]]
SELECT * FROM (SELECT town, active, score FROM org_acme.people) PIVOT (SUM(score) AS s, COUNT(*) AS c FOR active IN (TRUE AS yes))

-- # 033 aggregate: columns that only one side has
-- = [[1, 2, null], [null, 3, 4]]
-- ! refused
SELECT 1 AS a, 2 AS b FULL OUTER UNION ALL BY NAME SELECT 3 AS b, 4 AS c

-- # 034 aggregate: COUNTIF over a window and over groups without a match
-- = [["", 0], ["London", 0], ["Oslo", 1]]
SELECT town, COUNTIF(score > 2) FROM org_acme.people GROUP BY town ORDER BY town

-- # 031 aggregate: SUM of INT64 beyond its range is an error
-- = ERROR
SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x
