-- Statements that people write every day and that must pass, some of them odd to look at. `= JSON`: the rows of the answer.
-- Tables: mart.mine (a INT64: 7), mart.orders (id, customer, amount, day, note, items ARRAY<STRUCT<sku STRING, qty INT64>>).
-- Their rows are in the test beside.

-- # k01: a table
SELECT a FROM mart.mine
-- # k02: a catalogued name
SELECT a FROM mine
-- # k03: a full path in one pair of backticks
SELECT a FROM `acme-prod.mart.mine`
-- # k04: a full path, each part quoted
SELECT a FROM `acme-prod`.`mart`.`mine`
-- # k05: a CTE
WITH m AS (SELECT a FROM mart.mine) SELECT a FROM m
-- # k06: a CTE named like the table that it reads
WITH mine AS (SELECT a FROM mart.mine) SELECT a FROM mine
-- # k07: a CTE named like a table of somebody else
WITH secrets AS (SELECT 1 AS a) SELECT a FROM secrets
-- # k08: a CTE in a sub-query
SELECT a FROM (WITH x AS (SELECT 1 AS a) SELECT a FROM x)
-- # k09: CTEs on top of each other
WITH a AS (SELECT 1 AS n), b AS (SELECT n + 1 AS n FROM a), c AS (SELECT n + 1 AS n FROM b) SELECT n FROM c
-- # k10: a derived table
SELECT b FROM (SELECT a + 1 AS b FROM mart.mine) AS t
-- # k11: text that says DROP TABLE
SELECT 'DROP TABLE mart.mine; --' AS a
-- # k12: text with a semicolon and quotes
SELECT "it's; fine" AS a, 'say "x";' AS b
-- # k13: a comment with a semicolon
SELECT 1 AS a -- one; two; DROP TABLE x
-- # k14: a comment in the middle
SELECT /* ; DELETE FROM mart.mine */ 1 AS a
-- # k15: a hash comment
SELECT 1 AS a # ; drop
-- # k16: a semicolon at the end
SELECT 1 AS a;
-- # k17: a comment that ends another comment
SELECT 1 AS a /* -- */ , 2 AS b -- */ x
-- # k18: a triple-quoted text
SELECT """many
lines; "quoted" """ AS a
-- # k19: a raw text
SELECT r'C:\temp\$x' AS a
-- # k20: columns named like functions
SELECT sum, count, read_csv FROM (SELECT 1 AS sum, 2 AS count, 3 AS read_csv)
-- # k21: columns named like keywords in backticks
SELECT t.`select`, t.`from` FROM (SELECT 1 AS `select`, 2 AS `from`) AS t
-- # k22: a column named like a statement
SELECT `drop` FROM (SELECT 1 AS `drop`)
-- # k23: a column named session_user
SELECT t.session_user FROM (SELECT 'x' AS session_user) AS t
-- # k24: an alias named like another tenant
SELECT other.a FROM mart.mine AS other
-- # k25: an alias that hides a dataset
SELECT mart.a FROM mart.mine AS mart
-- # k26: the fields of a struct
SELECT s.x.y AS y FROM (SELECT STRUCT(STRUCT(1 AS y) AS x) AS s)
-- # k27: UNNEST of a literal
SELECT x FROM UNNEST([3, 1, 2]) AS x ORDER BY x
-- # k28: UNNEST of a column
SELECT id, item.sku FROM mart.orders, UNNEST(items) AS item ORDER BY id, item.sku
-- # k29: a path of an alias is no table
SELECT o.id, item.sku FROM mart.orders AS o, o.items AS item ORDER BY 1, 2
-- # k30: the same with CROSS JOIN
SELECT o.id, item.qty FROM mart.orders AS o CROSS JOIN UNNEST(o.items) AS item ORDER BY 1, 2
-- # k31: a path of an alias in a sub-query
SELECT o.id, (SELECT SUM(item.qty) FROM o.items AS item) AS qty FROM mart.orders AS o ORDER BY 1
-- # k32: the same with UNNEST
SELECT o.id, (SELECT SUM(item.qty) FROM UNNEST(o.items) AS item) AS qty FROM mart.orders AS o ORDER BY 1
-- # k33: UNNEST WITH OFFSET
SELECT x, n FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS n ORDER BY n
-- # k34: a self join
SELECT x.id FROM mart.orders AS x JOIN mart.orders AS y ON x.id = y.id ORDER BY 1
-- # k35: USING
SELECT id FROM mart.orders JOIN (SELECT id FROM mart.orders) USING (id) ORDER BY id
-- # k36: a comma join with a condition
SELECT x.id FROM mart.orders AS x, mart.orders AS y WHERE x.id = y.id ORDER BY 1
-- # k37: a cross join with one row
SELECT id, amount / t.total AS share FROM mart.orders CROSS JOIN (SELECT SUM(amount) AS total FROM mart.orders) AS t ORDER BY id
-- # k38: a cross join of small tables
SELECT COUNT(*) AS n FROM mart.orders AS x CROSS JOIN mart.orders AS y
-- # k39: a large table times one row
SELECT COUNT(*) AS n FROM mart.large CROSS JOIN (SELECT MAX(a) AS m FROM mart.large)
-- # k40: a large table joined with itself
SELECT COUNT(*) AS n FROM mart.large AS x JOIN mart.large AS y ON x.a = y.a WHERE x.a < 10
-- # k41: a calendar joined to rows
SELECT d, COUNT(o.id) AS n FROM UNNEST(GENERATE_DATE_ARRAY(DATE '2025-01-01', DATE '2025-01-03')) AS d LEFT JOIN mart.orders AS o ON o.day = d GROUP BY d ORDER BY d
-- # k42: a range of numbers
SELECT x FROM UNNEST(GENERATE_ARRAY(1, 5)) AS x ORDER BY x
-- # k43: a recursion that ends
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT SUM(n) AS s FROM r
-- = [[55]]
-- # k44: a long recursion
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 400) SELECT MAX(n) AS m, COUNT(*) AS c FROM r
-- = [[400, 400]]
-- # k45: a recursion through a join
WITH RECURSIVE up AS (SELECT 1 AS id, 0 AS depth UNION ALL SELECT o.id + 1, up.depth + 1 FROM up JOIN mart.orders AS o ON o.id = up.id WHERE up.depth < 2) SELECT COUNT(*) AS n FROM up
-- = [[3]]
-- # k46: a recursion read with a star
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r ORDER BY n
-- = [[1], [2], [3]]
-- # k47: WITH RECURSIVE that does not recurse
WITH RECURSIVE x AS (SELECT 1 AS n) SELECT n FROM x
-- # k48: EXISTS
SELECT id FROM mart.orders AS o WHERE EXISTS (SELECT 1 FROM mart.mine AS m WHERE m.a > o.id) ORDER BY id
-- # k49: IN a sub-query
SELECT id FROM mart.orders WHERE customer IN (SELECT customer FROM mart.orders WHERE amount > 10) ORDER BY id
-- # k50: IN a list
SELECT id FROM mart.orders WHERE customer IN ('ann', 'bob') ORDER BY id
-- # k51: IN UNNEST of a parameter
SELECT id FROM mart.orders WHERE id IN UNNEST(@ids) ORDER BY id
-- # k52: a parameter
SELECT @p + 1 AS p
-- # k53: a parameter that holds SQL
SELECT @text AS t
-- # k54: totals by customer
SELECT customer, SUM(amount) AS total, COUNT(*) AS n FROM mart.orders GROUP BY customer HAVING COUNT(*) > 0 ORDER BY total DESC
-- # k55: group by position
SELECT customer, SUM(amount) AS total FROM mart.orders GROUP BY 1 ORDER BY 2 DESC, 1
-- # k56: rollup
SELECT customer, SUM(amount) AS total FROM mart.orders GROUP BY ROLLUP (customer) ORDER BY 1
-- # k57: the last row of each customer
SELECT customer, id FROM mart.orders QUALIFY ROW_NUMBER() OVER (PARTITION BY customer ORDER BY id DESC) = 1 ORDER BY customer
-- # k58: a running total
SELECT id, SUM(amount) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM mart.orders ORDER BY id
-- # k59: a named window
SELECT id, LAG(amount) OVER w AS before FROM mart.orders WINDOW w AS (ORDER BY id) ORDER BY id
-- # k60: pipe syntax
FROM mart.orders |> WHERE amount > 1 |> AGGREGATE SUM(amount) AS total GROUP BY customer |> ORDER BY customer
-- # k61: UNION ALL
SELECT a FROM mart.mine UNION ALL SELECT id FROM mart.orders ORDER BY 1
-- # k62: EXCEPT DISTINCT
SELECT id FROM mart.orders EXCEPT DISTINCT SELECT 1 ORDER BY 1
-- # k63: all but some columns
SELECT * EXCEPT (items, note) FROM mart.orders ORDER BY id
-- # k64: one column replaced
SELECT * EXCEPT (items) REPLACE (UPPER(customer) AS customer) FROM mart.orders ORDER BY id
-- # k65: a pattern with special characters
SELECT id FROM mart.orders WHERE REGEXP_CONTAINS(note, r';\s*DROP\s+TABLE') ORDER BY id
-- # k66: LIKE with a percent sign
SELECT id FROM mart.orders WHERE note LIKE '%--%' ORDER BY id
-- # k67: CASE
SELECT CASE WHEN amount > 10 THEN 'large' ELSE 'small' END AS size FROM mart.orders ORDER BY id
-- # k68: safe functions
SELECT SAFE_DIVIDE(1, 0) AS a, SAFE_CAST('x' AS INT64) AS b, IFNULL(NULL, 3) AS c
-- # k69: dates
SELECT DATE_TRUNC(day, MONTH) AS month, SUM(amount) AS total FROM mart.orders GROUP BY month ORDER BY month
-- # k70: EXTRACT
SELECT EXTRACT(YEAR FROM day) AS y FROM mart.orders ORDER BY id
-- # k71: text that looks like a file
SELECT '/etc/passwd' AS path, 'read_csv' AS f
-- # k72: JSON
SELECT JSON_VALUE('{"drop": "table"}', '$.drop') AS v
-- # k73: arrays
SELECT ARRAY_LENGTH([1, 2]) AS n, ARRAY(SELECT id FROM mart.orders ORDER BY id) AS ids
-- # k74: an array of structs made in a sub-query
SELECT ARRAY_LENGTH(ARRAY(SELECT AS STRUCT id, amount FROM mart.orders)) AS n
-- # k75: the project
SELECT @@project_id AS p
-- # k76: metadata of the own dataset
SELECT table_name FROM mart.INFORMATION_SCHEMA.TABLES ORDER BY table_name
-- # k77: columns of the own tables
SELECT column_name FROM mart.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'mine'
-- # k78: a wildcard over own tables
SELECT COUNT(*) AS n FROM `mart.min*`
-- # k79: repeat
SELECT REPEAT('ab', 2) AS r, LPAD('7', 3, '0') AS p
-- # k80: parentheses
SELECT ((((((((((1)))))))))) AS a
-- # k81: a hundred conditions
SELECT id FROM mart.orders WHERE {or} ORDER BY id
-- # k82: a thousand values
SELECT id FROM mart.orders WHERE id IN ({list}) ORDER BY id
-- # k83: fifty parts of a UNION
{unions}
-- # k84: a table that has the name of a function
WITH unnest_ AS (SELECT 1 AS a), sum AS (SELECT 2 AS a) SELECT a FROM sum
-- # k85: a query that speaks of @@ in a text
SELECT '@@version @x ; $1 {y} ?' AS a
-- # k86: backslashes and quotes
SELECT 'a\'b\\c' AS a, "d\"e" AS b
-- # k87: a column and a table of one name
SELECT mine.a FROM (SELECT a FROM mart.mine) AS mine
-- # k88: a median
SELECT APPROX_COUNT_DISTINCT(customer) AS n FROM mart.orders
-- # k89: a range join
SELECT COUNT(*) AS n FROM mart.large AS l JOIN mart.orders AS o ON l.a BETWEEN o.id AND o.id + 1
-- # k90: SELECT of nothing but a number
SELECT 1
-- # k91: a recursion whose column keeps its name
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 AS n FROM r WHERE n < 3) SELECT SUM(n) AS s FROM r
-- = [[6]]
