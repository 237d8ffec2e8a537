-- Arrays and structs. Source: BigQuery, array functions, working with arrays, UNNEST operator, data types.

-- # 001 array: ARRAY_FIRST, ARRAY_LAST
-- = [["a", "c", null]]
SELECT ARRAY_FIRST(['a', 'b', 'c']), ARRAY_LAST(['a', 'b', 'c']), ARRAY_FIRST(CAST(NULL AS ARRAY<INT64>))

-- # 002 array: the first of nothing is an error
-- = ERROR
SELECT ARRAY_FIRST(tags) FROM org_acme.people

-- # 003 array: ARRAY_SLICE counts from both ends and cuts at both
-- = [[["b", "c", "d"], ["c", "d", "e"], ["a", "b"], [], ["e"], []]]
SELECT ARRAY_SLICE(x, 1, 3), ARRAY_SLICE(x, -3, -1), ARRAY_SLICE(x, -10, 1), ARRAY_SLICE(x, 4, 3), ARRAY_SLICE(x, 4, 30), ARRAY_SLICE(x, 0, -9) FROM (SELECT ['a', 'b', 'c', 'd', 'e'] AS x)

-- # 004 array: a NULL array makes ARRAY_CONCAT NULL
-- = [[[1, 2, 3, 4, 5, 6], true, []]]
SELECT ARRAY_CONCAT([1, 2], [3, 4], [5, 6]), ARRAY_CONCAT([1], NULL) IS NULL, ARRAY_CONCAT([], CAST([] AS ARRAY<INT64>))

-- # 005 array: ARRAY_TO_STRING leaves NULLs out, or writes them
-- = [["coffee--tea--milk", "cake--pie", "cake--pie--MISSING", "", null]]
SELECT ARRAY_TO_STRING(['coffee', 'tea', 'milk'], '--'), ARRAY_TO_STRING(['cake', 'pie', NULL], '--'), ARRAY_TO_STRING(['cake', 'pie', NULL], '--', 'MISSING'), ARRAY_TO_STRING([CAST(NULL AS STRING)], ','), ARRAY_TO_STRING(CAST(NULL AS ARRAY<STRING>), ',')

-- # 006 array: ARRAY_TO_STRING of numbers is an error
-- = ERROR
SELECT ARRAY_TO_STRING([1, 2], ',')

-- # 007 array: GENERATE_ARRAY up, down, by parts, by nothing, of one item
-- = [[[1, 2, 3, 4, 5], [0, 3, 6, 9], [10, 7, 4, 1], [4], [], [1.0, 1.5, 2.0], ["0.1", "0.3"]]]
SELECT GENERATE_ARRAY(1, 5), GENERATE_ARRAY(0, 10, 3), GENERATE_ARRAY(10, 0, -3), GENERATE_ARRAY(4, 4, 10), GENERATE_ARRAY(10, 0, 3), GENERATE_ARRAY(1.0, 2.0, 0.5), GENERATE_ARRAY(NUMERIC '0.1', NUMERIC '0.4', NUMERIC '0.2')

-- # 008 array: GENERATE_ARRAY with a step of 0 is an error
-- = ERROR
SELECT GENERATE_ARRAY(1, 5, 0)

-- # 009 array: GENERATE_ARRAY with NULL is NULL
-- = [[true]]
SELECT GENERATE_ARRAY(5, NULL, 1) IS NULL

-- # 010 array: a NULL among the items may be used
-- = [[3, true]]
SELECT ARRAY_LENGTH([1, NULL, 2]), [1, NULL, 2][OFFSET(1)] IS NULL

-- # 011 array: a NULL among the items of a result is an error
-- = ERROR
SELECT [1, NULL, 2] AS a

-- # 012 array: offset and ordinal, safe and not
-- = [["a", "c", null, null, null]]
SELECT x[OFFSET(0)], x[ORDINAL(3)], x[SAFE_OFFSET(3)], x[SAFE_ORDINAL(0)], x[SAFE_OFFSET(-1)] FROM (SELECT ['a', 'b', 'c'] AS x)

-- # 013 array: ORDINAL(0) is out of bounds
-- = ERROR
SELECT ['a'][ORDINAL(0)]

-- # 014 array: sub-queries over the arrays of a row
-- = [[1, ["b", "a"], 8, 2], [2, ["b"], 1, 1], [3, [], null, 0], [4, ["a", "a", "c"], null, 3]]
SELECT id, ARRAY(SELECT t FROM UNNEST(tags) AS t WITH OFFSET AS o ORDER BY o DESC) AS turned, (SELECT SUM(v.pages) FROM UNNEST(visits) AS v) AS pages, (SELECT COUNT(*) FROM UNNEST(tags)) AS n FROM org_acme.people ORDER BY id

-- # 015 array: a path in FROM is an UNNEST
-- = [[1, "2025-11-01", 3], [1, "2025-11-02", 5], [2, "2025-11-02", 1]]
SELECT p.id, v.day, v.pages FROM org_acme.people AS p, p.visits AS v ORDER BY 1, 2

-- # 016 array: LEFT JOIN UNNEST keeps rows with an empty array and with none
-- = [[1, 3], [1, 5], [2, 1], [3, null], [4, null]]
SELECT p.id, v.pages FROM org_acme.people AS p LEFT JOIN UNNEST(p.visits) AS v ORDER BY 1, 2

-- # 017 array: a CROSS JOIN UNNEST drops them
-- = [[1], [1], [2]]
SELECT id FROM org_acme.people CROSS JOIN UNNEST(visits) ORDER BY id

-- # 018 array: the fields of structs without a name for the item
-- = [["a", 0], ["b", 1]]
SELECT k, n FROM UNNEST([STRUCT('a' AS k, 0 AS n), ('b', 1)]) ORDER BY n

-- # 019 array: WITH OFFSET without a name is called offset
-- = [["x", 0], ["y", 1]]
SELECT e, offset FROM UNNEST(['x', 'y']) AS e WITH OFFSET ORDER BY offset

-- # 020 array: IN UNNEST and NULL
-- = [[true, false, null, false]]
SELECT 1 IN UNNEST([1, 2]), 3 IN UNNEST([1, 2]), 3 IN UNNEST([1, NULL]), 1 IN UNNEST(CAST([] AS ARRAY<INT64>))

-- # 021 array: EXISTS over the fields of a row's structs
-- = [[1]]
SELECT id FROM org_acme.people WHERE EXISTS(SELECT 1 FROM UNNEST(visits) WHERE pages > 4)

-- # 022 array: ARRAY of structs, in order, and of nothing
-- = [[[{"a": 2, "b": "x"}, {"a": 1, "b": "x"}], []]]
SELECT ARRAY(SELECT AS STRUCT v AS a, 'x' AS b FROM UNNEST([1, 2]) AS v ORDER BY v DESC), ARRAY(SELECT 1 FROM UNNEST([1]) AS v WHERE v > 1)

-- # 023 array: fields of fields, in any case of letters
-- = [["s1", 1], ["s2", 3], ["s1", 5], [null, null]]
SELECT ITEM.Sku, item.SIZE.w FROM org_acme.orders ORDER BY order_id

-- # 024 array: all fields of a struct
-- = [["s1", 2], ["s2", 4]]
SELECT item.sku, item.size.* EXCEPT (w) FROM org_acme.orders WHERE person_id = 1 ORDER BY order_id

-- # 025 array: structs are equal field by field
-- = [[true, false, true, true]]
SELECT (1, 'a') = (1, 'a'), STRUCT(1 AS x) = STRUCT(2 AS x), (1, 2) IN ((1, 2), (3, 4)), STRUCT(1 AS a, 'x' AS b) = (1, 'x')

-- # 026 array: arrays are compared with nothing
-- = ERROR
SELECT [1] = [1]

-- # 027 array: an array holds no arrays
-- = ERROR
SELECT ARRAY_AGG(tags) FROM org_acme.people

-- # 028 array: rows are not sorted by an array
-- = ERROR
SELECT id FROM org_acme.people ORDER BY tags

-- # 029 array: the newest row of each group
-- = [["", 4], ["London", 1], ["Oslo", 3]]
SELECT town, id FROM (SELECT ARRAY_AGG(p ORDER BY p.id DESC LIMIT 1)[OFFSET(0)].* FROM org_acme.people AS p GROUP BY p.town) ORDER BY town

-- # 030 array: SELECT AS VALUE gives the fields as columns
-- = [[1, "a"], [2, "a"]]
SELECT x, y FROM (SELECT AS VALUE STRUCT(n AS x, 'a' AS y) FROM UNNEST([1, 2]) AS n) ORDER BY x
