-- Queries: names, aliases, joins, NULLs, order. Source: BigQuery, query syntax, operators.

-- # 001 query: 1 AS a, 2 AS a is an error
-- = ERROR
SELECT 1 AS a, 2 AS a

-- # 002 query: a, a FROM (1 AS a, 2 AS a) is an error
-- = ERROR
SELECT a, a FROM (SELECT 1 AS a, 2 AS a)

-- # 003 query: JOIN
-- = [[1]]
SELECT * FROM (SELECT 1 AS a) JOIN (SELECT 1 AS a) USING (a)

-- # 004 query: JOIN (2)
-- = [[1,2,3]]
SELECT * FROM (SELECT 1 AS a, 2 AS b) x JOIN (SELECT 1 AS a, 3 AS c) y USING (a)

-- # 005 query: a FROM (1 AS a) x, (2 AS a) y is an error
-- = ERROR
SELECT a FROM (SELECT 1 AS a) x, (SELECT 2 AS a) y

-- # 006 query: JOIN (3)
-- = [[1]]
SELECT a FROM (SELECT 1 AS a) x JOIN (SELECT 1 AS a) y USING (a)

-- # 007 query: JOIN (4)
-- = [[1],[2]]
SELECT a FROM (SELECT 1 AS a) x FULL JOIN (SELECT 2 AS a) y USING (a) ORDER BY a

-- # 008 query: x + 1 AS y, y * 2 AS z FROM (1 AS x) is an error
-- = ERROR
SELECT x + 1 AS y, y * 2 AS z FROM (SELECT 1 AS x)

-- # 009 query: x AS y FROM (1 AS x) WHERE y = 1 is an error
-- = ERROR
SELECT x AS y FROM (SELECT 1 AS x) WHERE y = 1

-- # 010 query: COUNT
-- = [[1,1]]
SELECT x AS y, COUNT(*) AS n FROM (SELECT 1 AS x) GROUP BY y HAVING n = 1 ORDER BY n

-- # 011 query: COUNT (2)
-- = [[1,2],[2,1]]
SELECT x, COUNT(*) FROM UNNEST([1,1,2]) x GROUP BY 1 ORDER BY 2 DESC

-- # 012 query: x FROM UNNEST([3,1,NULL,2]) x ORDER BY x
-- = [[null],[1],[2],[3]]
SELECT x FROM UNNEST([3,1,NULL,2]) x ORDER BY x

-- # 013 query: x FROM UNNEST([3,1,NULL,2]) x ORDER BY x DESC
-- = [[3],[2],[1],[null]]
SELECT x FROM UNNEST([3,1,NULL,2]) x ORDER BY x DESC

-- # 014 query: x FROM UNNEST([3,1,NULL,2]) x ORDER BY x NULLS LAST
-- = [[1],[2],[3],[null]]
SELECT x FROM UNNEST([3,1,NULL,2]) x ORDER BY x NULLS LAST

-- # 015 query: x FROM UNNEST([3,1,2]) x ORDER BY x LIMIT 1 OFFSET 1
-- = [[2]]
SELECT x FROM UNNEST([3,1,2]) x ORDER BY x LIMIT 1 OFFSET 1

-- # 016 query: X FROM (1 AS x)
-- = [[1]]
SELECT X FROM (SELECT 1 AS x)

-- # 017 query: `x y` FROM (1 AS `x y`)
-- = [[1]]
SELECT `x y` FROM (SELECT 1 AS `x y`)

-- # 018 query: 'a' = 'A', 'a' < 'b', 'B' < 'a', '' = ''
-- = [[false,true,true,true]]
SELECT 'a' = 'A', 'a' < 'b', 'B' < 'a', '' = ''

-- # 019 query: MAX
-- = [[2]]
SELECT (SELECT MAX(y) FROM UNNEST([1,2,3]) y WHERE y <= x) FROM UNNEST([2]) x

-- # 020 query: EXISTS
-- = [[2],[3]]
SELECT x FROM UNNEST([1,2,3]) x WHERE EXISTS (SELECT 1 FROM UNNEST([2,3]) y WHERE y = x) ORDER BY x

-- # 021 query: x, y FROM UNNEST([1,2]) x, UNNEST(['a']) y ORDER BY x
-- = [[1,"a"],[2,"a"]]
SELECT x, y FROM UNNEST([1,2]) x, UNNEST(['a']) y ORDER BY x

-- # 022 query: (1 UNION ALL 2) is an error
-- = ERROR
SELECT (SELECT 1 UNION ALL SELECT 2)

-- # 023 query: 1 IN (1), 3 NOT IN (1,2), NULL IN (1), 1 IN (NULL, 1)
-- = [[true,true,null,true]]
SELECT 1 IN (SELECT 1), 3 NOT IN (1,2), NULL IN (1), 1 IN (NULL, 1)

-- # 024 query: 1 NOT IN (x FROM UNNEST([2, NULL]) x)
-- = [[null]]
SELECT 1 NOT IN (SELECT x FROM UNNEST([2, NULL]) x)

-- # 025 query: WITH RECURSIVE t AS (1 AS n UNION ALL n + 1 FROM t WHERE n <
-- = [[1],[2],[3]]
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t ORDER BY n

-- # 026 query: WITH a AS (1 AS x), b AS (x + 1 AS x FROM a) * FROM b
-- = [[2]]
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT * FROM b

-- # 027 query: * FROM (1 AS x UNION DISTINCT 1)
-- = [[1]]
SELECT * FROM (SELECT 1 AS x UNION DISTINCT SELECT 1)

-- # 028 query: 1 UNION 2 is an error
-- = ERROR
SELECT 1 UNION SELECT 2

-- # 029 query: 1 AS x EXCEPT DISTINCT 2
-- = [[1]]
SELECT 1 AS x EXCEPT DISTINCT SELECT 2

-- # 030 query: 1 AS x INTERSECT DISTINCT 1
-- = [[1]]
SELECT 1 AS x INTERSECT DISTINCT SELECT 1

-- # 031 query: SUM is an error
-- = ERROR
SELECT x, SUM(x) FROM UNNEST([1,2]) x

-- # 032 query: COUNT (3)
-- = [[1,2,3]]
SELECT COUNT(DISTINCT x), COUNT(x), COUNT(*) FROM UNNEST([1,1,NULL]) x

-- # 033 query: SUM, AVG, MIN, MAX
-- = [[null,null,null,null,0]]
SELECT SUM(x), AVG(x), MIN(x), MAX(x), COUNT(x) FROM UNNEST(CAST([] AS ARRAY<INT64>)) x

-- # 034 query: DISTINCT x FROM UNNEST([1,1,NULL,NULL]) x ORDER BY x
-- = [[null],[1]]
SELECT DISTINCT x FROM UNNEST([1,1,NULL,NULL]) x ORDER BY x

-- # 035 query: NULL = NULL, NULL IS NULL, NOT NULL, TRUE OR NULL, FALSE AND
-- = [[null,true,null,true,false,null]]
SELECT NULL = NULL, NULL IS NULL, NOT NULL, TRUE OR NULL, FALSE AND NULL, NULL <> 1

-- # 036 query: 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL
-- = [[true,true]]
SELECT 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL

-- # 037 query: IF, IFNULL, NULLIF
-- = [["a",null,2,3,null]]
SELECT CASE 1 WHEN 1 THEN 'a' ELSE 'b' END, CASE WHEN FALSE THEN 1 END, IF(NULL, 1, 2), IFNULL(NULL, 3), NULLIF(1,1)

-- # 038 query: x BETWEEN 1 AND 3, x NOT BETWEEN 1 AND 3 FROM UNNEST([2]) x
-- = [[true,false]]
SELECT x BETWEEN 1 AND 3, x NOT BETWEEN 1 AND 3 FROM UNNEST([2]) x

-- # 039 query: EXCEPT
-- = [[2]]
SELECT * EXCEPT (a) FROM (SELECT 1 AS a, 2 AS b)

-- # 040 query: REPLACE
-- = [[2,2]]
SELECT * REPLACE (a + 1 AS a) FROM (SELECT 1 AS a, 2 AS b)

-- # 041 query: t.* FROM (1 AS a) t
-- = [[1]]
SELECT t.* FROM (SELECT 1 AS a) t

-- # 042 query: STRUCT(1 AS a, 'x' AS b).a
-- = [[1]]
SELECT STRUCT(1 AS a, 'x' AS b).a

-- # 043 query: x FROM UNNEST([1,2,3]) AS x WITH OFFSET o WHERE o > 0 ORDER 
-- = [[2],[3]]
SELECT x FROM UNNEST([1,2,3]) AS x WITH OFFSET o WHERE o > 0 ORDER BY o

-- # 044 query: JOIN (5)
-- = [[1,null]]
SELECT a.x AS p, b.x AS q FROM (SELECT 1 AS x) a LEFT JOIN (SELECT 2 AS x) b ON a.x = b.x

-- # 045 query: JOIN (6)
-- = [[1,2]]
SELECT a.x AS p, b.x AS q FROM (SELECT 1 AS x) a CROSS JOIN (SELECT 2 AS x) b

-- # 046 query: RANK, OVER, ROW_NUMBER
-- = [[2,3]]
SELECT x, RANK() OVER (ORDER BY x) FROM UNNEST([1,1,2]) x QUALIFY ROW_NUMBER() OVER (ORDER BY x) = 3

-- # 047 query: COUNT is an error
-- = ERROR
SELECT x FROM UNNEST([1,2]) x WHERE COUNT(*) > 1

-- # 048 query: x FROM UNNEST([1,2]) x LIMIT -1 is an error
-- = ERROR
SELECT x FROM UNNEST([1,2]) x LIMIT -1

-- # 049 query: x FROM UNNEST([1,2]) x ORDER BY 2 is an error
-- = ERROR
SELECT x FROM UNNEST([1,2]) x ORDER BY 2

-- # 050 query: CONCAT
-- = [[null,null,null]]
SELECT 1 + NULL, NULL || 'a', CONCAT('a', NULL)

-- # 051 query: 10 AS x UNION ALL 2 ORDER BY x
-- = [[2],[10]]
SELECT 10 AS x UNION ALL SELECT 2 ORDER BY x

-- # 052 query: x FROM (1 x) GROUP BY x HAVING x > 0
-- = [[1]]
SELECT x FROM (SELECT 1 x) GROUP BY x HAVING x > 0

-- # 053 query: @@project_id
-- = [["acme-prod"]]
SELECT @@project_id

-- # 054 query: @@version is an error
-- ! refused
-- = ERROR
SELECT @@version

-- # 055 query: COALESCE, CAST
-- = [[false]]
SELECT COALESCE(CAST('nan' AS FLOAT64), 1) = 1

-- # 056 query: TRUE + 1 is an error
-- = ERROR
SELECT TRUE + 1

-- # 057 query: '1' + 1 is an error
-- = ERROR
SELECT '1' + 1

-- # 058 query: 'a' AND TRUE is an error
-- = ERROR
SELECT 'a' AND TRUE

-- # 059 query: DATE '2020-01-01' > '2019-12-31', '2020-01-01' < DATE '2020-
-- = [[true,true,true]]
SELECT DATE '2020-01-01' > '2019-12-31', '2020-01-01' < DATE '2020-01-02', DATE '2020-01-01' IN ('2020-01-01')

-- # 060 query: d FROM UNNEST([DATE '2020-01-01']) d WHERE d BETWEEN '2019-0 is an error
-- = ERROR
SELECT d FROM UNNEST([DATE '2020-01-01']) d WHERE d BETWEEN '2019-01-01' AND '2021/01/01'

-- # 061 query: TIMESTAMP '2020-01-01 00:00:00+00' = '2020-01-01'
-- = [[true]]
SELECT TIMESTAMP '2020-01-01 00:00:00+00' = '2020-01-01'

-- # 062 query: CAST
-- = [[1.5,0.30000000000000004,0.3333333333333333]]
SELECT CAST(1 AS NUMERIC) + 0.5, 0.1 + 0.2, 1e0 / 3

-- # 063 query: [1, 2.5], [1, NUMERIC '2']
-- = [[[1.0,2.5],["1","2"]]]
SELECT [1, 2.5], [1, NUMERIC '2']

-- # 064 query: GREATEST, LEAST
-- = [["2021-01-01","a"]]
SELECT GREATEST(DATE '2020-01-01', DATE '2021-01-01'), LEAST('b','a')

-- # 065 query: MOD
-- = [[2]]
SELECT x FROM UNNEST([1,2,3,4]) x WHERE MOD(x, 2) = 0 AND NOT x = 4

-- # 066 query: SUM, IF, COUNTIF
-- = [[5,2]]
SELECT SUM(IF(x > 1, x, 0)), COUNTIF(x > 1) FROM UNNEST([1,2,3]) x

-- # 067 query: ALL
-- = [[1],[2]]
(SELECT 1 AS x) UNION ALL (SELECT 2 ORDER BY 1 LIMIT 1) ORDER BY x

-- # 068 query: s FROM UNNEST(['b','a','B','A']) s ORDER BY s
-- = [["A"],["B"],["a"],["b"]]
SELECT s FROM UNNEST(['b','a','B','A']) s ORDER BY s

-- # 069 query: FROM (1 AS x) |> WHERE x = 1 |> x + 1 AS y
-- = [[2]]
FROM (SELECT 1 AS x) |> WHERE x = 1 |> SELECT x + 1 AS y

-- # 070 query: SAFE_DIVIDE, SAFE_ADD
-- = [["0.333333333",null,"3.5"]]
SELECT SAFE_DIVIDE(NUMERIC '1', 3), SAFE_DIVIDE(1, NULL), SAFE_ADD(NUMERIC '1.5', 2)

-- # 071 query: SUM is an error (2)
-- = ERROR
SELECT SUM(x) FROM UNNEST([NUMERIC '99999999999999999999999999999', NUMERIC '1']) x

-- # 072 query: x.a FROM UNNEST([STRUCT(1 AS a)]) x
-- = [[1]]
SELECT x.a FROM UNNEST([STRUCT(1 AS a)]) x

-- # 073 query: COUNT, BY
-- = [[2]]
SELECT COUNT(*) c FROM UNNEST([1,2]) GROUP BY ()

-- # 074 query: SUM, ROLLUP
-- = [[null,null,3],[1,null,3],[1,2,3]]
SELECT a, b, SUM(c) AS s FROM (SELECT 1 AS a, 2 AS b, 3 AS c) GROUP BY ROLLUP(a, b) ORDER BY a, b
