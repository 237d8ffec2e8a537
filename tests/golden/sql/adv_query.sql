-- Queries of every day, and what other dialects allow. Source: BigQuery, query syntax, lexical structure, aggregate and window function calls.

-- # 001 query: UNPIVOT gives the values, then the name
-- = [["a", 1, "x"], ["a", 2, "y"]]
SELECT * FROM (SELECT 'a' AS k, 1 AS x, 2 AS y) UNPIVOT (v FOR q IN (x, y)) ORDER BY q

-- # 002 query: UNPIVOT of pairs of columns, with names
-- = [["a", 1, 2, "first"], ["a", 3, 4, "second"]]
SELECT * FROM (SELECT 'a' AS k, 1 AS a1, 2 AS a2, 3 AS b1, 4 AS b2) UNPIVOT ((v1, v2) FOR q IN ((a1, a2) AS 'first', (b1, b2) AS 'second')) ORDER BY q

-- # 003 query: UNPIVOT with numbers for names
-- = [["a", 1, 1], ["a", 2, 2]]
SELECT * FROM (SELECT 'a' AS k, 1 AS x, 2 AS y) UNPIVOT (v FOR q IN (x AS 1, y AS 2)) ORDER BY q

-- # 004 query: PIVOT puts the name of the aggregate before that of the value
-- = [["a", 3, 2, 5, 1]]
SELECT k, s_xx, n_xx, s_y, n_y FROM (SELECT 'a' AS k, 1 AS v, 'x' AS q UNION ALL SELECT 'a', 2, 'x' UNION ALL SELECT 'a', 5, 'y') PIVOT (SUM(v) AS s, COUNT(*) AS n FOR q IN ('x' AS xx, 'y'))

-- # 005 query: UNPIVOT of columns of two types is an error
-- = ERROR
SELECT * FROM (SELECT 'a' AS k, 1 AS x, 'b' AS y) UNPIVOT (v FOR q IN (x, y))

-- # 006 query: different set operations need brackets
-- = ERROR
SELECT 1 UNION ALL SELECT 2 EXCEPT DISTINCT SELECT 1

-- # 007 query: EXCEPT of a column that is not there is an error
-- = ERROR
SELECT * EXCEPT (z) FROM (SELECT 1 AS a)

-- # 008 query: a name of two columns of a sub-query is ambiguous
-- = ERROR
SELECT a FROM (SELECT 1 AS a, 2 AS a)

-- # 009 query: SELECT AS STRUCT in a UNION gives columns
-- = [["a", 1], ["b", 2]]
SELECT AS STRUCT 'a' AS k, 1 AS v UNION ALL SELECT AS STRUCT 'b', 2

-- # 010 query: the first SELECT AS STRUCT names the fields of an array
-- = [[[{"a": 1}, {"a": 2}]]]
SELECT ARRAY(SELECT AS STRUCT 1 AS a UNION ALL SELECT AS STRUCT 2 AS b)

-- # 011 query: GROUP BY the alias of a sub-query over an array
-- = [["prod", 8.0]]
WITH b AS (SELECT 10.0 AS cost, [STRUCT(-2.0 AS amount)] AS credits, [STRUCT('env' AS key, 'prod' AS value)] AS labels) SELECT (SELECT value FROM UNNEST(labels) WHERE key = 'env') AS env, SUM(cost) + SUM(IFNULL((SELECT SUM(c.amount) FROM UNNEST(credits) AS c), 0)) AS net FROM b GROUP BY env

-- # 012 query: USING beside an UNNEST of structs
-- = [[1, "a", 10], [2, "b", 20]]
SELECT a.id, a.k, b.v FROM UNNEST([STRUCT(1 AS id, 'a' AS k), (2, 'b')]) AS a JOIN UNNEST([STRUCT(1 AS id, 10 AS v), (2, 20)]) AS b USING (id) ORDER BY 1

-- # 013 query: SELECT DISTINCT is sorted by what it gives
-- = ERROR
SELECT DISTINCT town FROM org_acme.people ORDER BY id

-- # 014 query: a JOIN has a condition
-- = ERROR
SELECT p.id FROM org_acme.people AS p JOIN org_acme.orders AS o

-- # 015 query: there is no ILIKE
-- = ERROR
SELECT 'abc' ILIKE 'A%'

-- # 016 query: a backslash begins a known escape
-- = ERROR
SELECT 'a\q'

-- # 017 query: functions of other dialects are unknown
-- = ERROR
SELECT LEN('abc')

-- # 018 query: :: is no operator
-- = ERROR
SELECT id::STRING FROM org_acme.people

-- # 019 query: FILTER after an aggregate is of other dialects
-- = ERROR
SELECT COUNT(*) FILTER (WHERE id > 1) FROM org_acme.people

-- # 020 query: DISTINCT takes one value in an aggregate
-- = ERROR
SELECT COUNT(DISTINCT id, name) FROM org_acme.people

-- # 021 query: DISTINCT over a window has no ORDER BY
-- = ERROR
SELECT SUM(DISTINCT x) OVER (ORDER BY x) FROM UNNEST([1]) AS x

-- # 022 query: PARTITION BY takes no FLOAT64
-- = ERROR
SELECT ROW_NUMBER() OVER (PARTITION BY score ORDER BY id) FROM org_acme.people

-- # 023 query: HAVING MAX in another aggregate
-- = [[10]]
-- ! refused
SELECT SUM(x HAVING MAX y) FROM UNNEST([STRUCT(1 AS x, 1 AS y), (4, 2), (6, 2)])

-- # 024 query: sessions of half an hour
-- = [["u1", 1, 2], ["u1", 2, 1]]
WITH e AS (SELECT 'u1' AS u, ts FROM UNNEST([TIMESTAMP '2025-01-01 10:00:00', '2025-01-01 10:10:00', '2025-01-01 12:00:00']) AS ts), g AS (SELECT *, LAG(ts) OVER (PARTITION BY u ORDER BY ts) AS last FROM e), s AS (SELECT *, COUNTIF(last IS NULL OR TIMESTAMP_DIFF(ts, last, MINUTE) > 30) OVER (PARTITION BY u ORDER BY ts) AS sid FROM g) SELECT u, sid, COUNT(*) FROM s GROUP BY u, sid ORDER BY u, sid

-- # 025 query: structs are compared with = only
-- = ERROR
SELECT STRUCT(1, 2) < STRUCT(1, 3)

-- # 026 query: a NULL in a struct makes its comparison NULL, unless another field differs
-- = [[true, false, null, null, false, null, true]]
SELECT STRUCT(1, 'a') = STRUCT(1, 'a'), (1, 2) = (1, 3), STRUCT(1, NULL) = STRUCT(1, 2), STRUCT(1, CAST(NULL AS INT64)) = STRUCT(1, CAST(NULL AS INT64)), (1, CAST(NULL AS INT64)) = (2, 5), (1, NULL) IN ((1, 2)), (1, 2) IN ((3, 4), (1, 2))
