-- Window functions. Source: BigQuery, window function calls, navigation and numbering functions.

-- # 001 window: FIRST, LAST and NTH over a named window
-- = [[1, 1, 1, null, 1], [2, 1, 1, null, 3], [3, 5, 1, null, 6]]
SELECT x, LAST_VALUE(v IGNORE NULLS) OVER w, FIRST_VALUE(v) OVER w, NTH_VALUE(v, 2) OVER w, SUM(x) OVER w FROM UNNEST([STRUCT(1 AS x, 1 AS v), (2, NULL), (3, 5)]) WINDOW w AS (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) ORDER BY x

-- # 002 window: LAST_VALUE ends at the current row unless told otherwise
-- = [[1, 1, 3], [2, 2, 3], [3, 3, 3]]
SELECT x, LAST_VALUE(x) OVER (ORDER BY x), LAST_VALUE(x) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM UNNEST([1, 2, 3]) AS x ORDER BY x

-- # 003 window: ranks of equal values
-- = [[1, 1, 1, 1, 0.0, 0.25, 1], [2, 2, 2, 2, 0.3333333333, 0.75, 1], [2, 2, 2, 3, 0.3333333333, 0.75, 2], [5, 4, 3, 4, 1.0, 1.0, 2]]
SELECT x, RANK() OVER w, DENSE_RANK() OVER w, ROW_NUMBER() OVER w, ROUND(PERCENT_RANK() OVER w, 10), CUME_DIST() OVER w, NTILE(2) OVER w FROM UNNEST([1, 2, 2, 5]) AS x WINDOW w AS (ORDER BY x) ORDER BY x, 4

-- # 004 window: RANK without an order is an error
-- = ERROR
SELECT RANK() OVER () FROM UNNEST([1]) AS x

-- # 005 window: LAG and LEAD with a distance and a default
-- = [[1, 0, 4], [2, 1, null], [4, 2, null]]
SELECT x, LAG(x, 1, 0) OVER (ORDER BY x), LEAD(x, 2) OVER (ORDER BY x) FROM UNNEST([1, 2, 4]) AS x ORDER BY x

-- # 006 window: a distance below 0 is an error
-- = ERROR
SELECT LAG(x, -1) OVER (ORDER BY x) FROM UNNEST([1]) AS x

-- # 008 window: a range of values around each
-- = [[1, 3], [2, 3], [4, 9], [5, 9]]
SELECT x, SUM(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM UNNEST([1, 2, 4, 5]) AS x ORDER BY x

-- # 009 window: equal values share a range
-- = [[1, 2], [1, 2], [3, 3]]
SELECT x, COUNT(*) OVER (ORDER BY x) FROM UNNEST([1, 1, 3]) AS x ORDER BY x

-- # 010 window: percentiles
-- = [[0.0, 0.03, 1.5, 2.7, 3.0]]
SELECT PERCENTILE_CONT(x, 0) OVER (), PERCENTILE_CONT(x, 0.01) OVER (), PERCENTILE_CONT(x, 0.5) OVER (), PERCENTILE_CONT(x, 0.9) OVER (), PERCENTILE_CONT(x, 1) OVER () FROM UNNEST([0, 3, NULL, 1, 2]) AS x LIMIT 1

-- # 011 window: percentiles that are values
-- = [["a", "b", "c"]]
SELECT PERCENTILE_DISC(x, 0) OVER (), PERCENTILE_DISC(x, 0.5) OVER (), PERCENTILE_DISC(x, 1) OVER () FROM UNNEST(['c', NULL, 'b', 'a']) AS x LIMIT 1

-- # 012 window: a percentile needs OVER
-- = ERROR
SELECT PERCENTILE_CONT(x, 0.5) FROM UNNEST([1]) AS x

-- # 013 window: QUALIFY by an alias
-- = [[2, 2], [3, 1]]
SELECT x, RANK() OVER (ORDER BY x DESC) AS r FROM UNNEST([1, 2, 3]) AS x QUALIFY r <= 2 ORDER BY x

-- # 014 window: NULLs come first going up and last going down
-- = [[null, 1, 3], [1, 2, 2], [2, 3, 1]]
SELECT x, ROW_NUMBER() OVER (ORDER BY x), ROW_NUMBER() OVER (ORDER BY x DESC) FROM UNNEST([2, NULL, 1]) AS x ORDER BY x

-- # 015 window: aggregates over partitions
-- = [["", -1.25, 1, [4]], ["London", 1.5, 1, [1]], ["Oslo", 2.5, 2, [2]], ["Oslo", 2.5, 2, [2, 3]]]
SELECT town, SUM(score) OVER (PARTITION BY town), COUNT(*) OVER (PARTITION BY town), ARRAY_AGG(id) OVER (PARTITION BY town ORDER BY id) FROM org_acme.people ORDER BY town, id

-- # 016 window: ARRAY_AGG takes no order before OVER
-- = ERROR
SELECT ARRAY_AGG(x ORDER BY x) OVER () FROM UNNEST([1]) AS x

-- # 017 window: a running total of NUMERIC
-- = [[100, "20"], [101, "25.5"], [102, "32.5"], [103, "32.5"]]
SELECT order_id, SUM(amount) OVER (ORDER BY order_id) FROM org_acme.orders ORDER BY order_id
