-- INSERT, UPDATE, DELETE, MERGE, TRUNCATE. Source: BigQuery, "Data manipulation language (DML) statements".

-- # 1 update: FROM joins one row
-- ? SELECT order_id, units FROM org_acme.orders ORDER BY 1
-- = [[100, 10], [101, 10], [102, 20], [103, null]]
UPDATE org_acme.orders o SET units = p.id * 10 FROM org_acme.people p WHERE o.person_id = p.id

-- # 2 update: a row that joins two rows of FROM
-- = ERROR
UPDATE org_acme.people p SET score = 1 FROM org_acme.orders o WHERE o.person_id = p.id

-- # 3 update: FROM with a join
-- ? SELECT id, score FROM org_acme.people WHERE score > 5
-- = [[2, 7.0]]
UPDATE org_acme.people p SET score = o.units FROM org_acme.orders o JOIN (SELECT 102 AS k) j ON o.order_id = j.k WHERE o.person_id = p.id

-- # 4 update: without WHERE
-- = ERROR
UPDATE org_acme.people SET score = 1

-- # 5 update: a value of another type
-- = ERROR
UPDATE org_acme.people SET id = 'x' WHERE TRUE

-- # 6 update: values are those before the statement
-- ? SELECT order_id, person_id, units FROM org_acme.orders WHERE order_id = 102
-- = [[102, 7, 2]]
UPDATE org_acme.orders SET person_id = units, units = person_id WHERE order_id = 102

-- # 7 update: a column twice
-- = ERROR
UPDATE org_acme.people SET score = 1, score = 2 WHERE TRUE

-- # 8 update: DEFAULT of a column without one is NULL
-- ? SELECT COUNT(*) FROM org_acme.people WHERE score IS NULL
-- = [[4]]
UPDATE org_acme.people SET score = DEFAULT WHERE TRUE

-- # 9 update: text literals become dates
-- ? SELECT COUNT(*) FROM org_acme.people WHERE born = DATE '2000-01-01'
-- = [[4]]
UPDATE org_acme.people SET born = '2000-01-01' WHERE TRUE

-- # 10 update: an INT64 goes into a FLOAT64, a FLOAT64 not into an INT64
-- = ERROR
UPDATE org_acme.people SET id = score WHERE TRUE

-- # 11 update: a correlated sub-query
-- ? SELECT id, score FROM org_acme.people ORDER BY id
-- = [[1, 2.0], [2, 1.0], [3, 0.0], [4, 0.0]]
UPDATE org_acme.people p SET score = (SELECT COUNT(*) FROM org_acme.orders o WHERE o.person_id = p.id) WHERE TRUE

-- # 12 delete: without FROM
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[3]]
DELETE org_acme.orders WHERE order_id = 100

-- # 13 delete: with an alias and a sub-query
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[1]]
DELETE FROM org_acme.orders AS o WHERE o.person_id IN (SELECT id FROM org_acme.people)

-- # 14 delete: NULL is not true
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[2]]
DELETE FROM org_acme.orders WHERE units < 5

-- # 15 delete: DATE compared with TIMESTAMP
-- = ERROR
DELETE FROM org_acme.people WHERE born = seen

-- # 16 insert: DEFAULT in VALUES
-- ? SELECT units FROM org_acme.orders WHERE order_id = 200
-- = [[null]]
INSERT INTO org_acme.orders (order_id, units) VALUES (200, DEFAULT)

-- # 17 insert: INTO may be left out
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[6]]
INSERT org_acme.orders (order_id) VALUES (200), (201)

-- # 18 insert: NULL into a required column
-- < CREATE TABLE org_acme.strict (a INT64 NOT NULL, b STRING)
-- = ERROR
INSERT INTO org_acme.strict (b) VALUES ('x')

-- # 19 insert: a sub-query among the values
-- ? SELECT units FROM org_acme.orders WHERE order_id = 200
-- = [[4]]
INSERT INTO org_acme.orders (order_id, units) VALUES (200, (SELECT COUNT(*) FROM org_acme.people))

-- # 20 insert: WITH before the SELECT
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[8]]
INSERT INTO org_acme.orders (order_id) WITH w AS (SELECT id FROM org_acme.people) SELECT id FROM w

-- # 21 merge: all three arms
-- < CREATE TABLE org_acme.t AS SELECT 1 AS id, 'a' AS v UNION ALL SELECT 2, 'b' UNION ALL SELECT 3, 'c'
-- ? SELECT id, v FROM org_acme.t ORDER BY id
-- = [[1, "a!"], [2, "B"], [4, "D"]]
MERGE org_acme.t t USING (SELECT 2 AS id, 'B' AS v UNION ALL SELECT 4, 'D') s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED BY TARGET THEN INSERT (id, v) VALUES (s.id, s.v) WHEN NOT MATCHED BY SOURCE AND t.id = 3 THEN DELETE WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = CONCAT(v, '!')

-- # 22 merge: the first clause whose condition holds
-- < CREATE TABLE org_acme.t AS SELECT 1 AS id, 10 AS n UNION ALL SELECT 2, 20
-- ? SELECT id, n FROM org_acme.t ORDER BY id
-- = [[2, 21]]
MERGE INTO org_acme.t USING (SELECT 1 AS k UNION ALL SELECT 2) s ON id = k WHEN MATCHED AND n < 15 THEN DELETE WHEN MATCHED THEN UPDATE SET n = n + 1

-- # 23 merge: two source rows for one row that is updated
-- < CREATE TABLE org_acme.t AS SELECT 1 AS id, 10 AS n
-- = ERROR
MERGE org_acme.t t USING (SELECT 1 AS id, 5 AS n UNION ALL SELECT 1, 6) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = s.n

-- # 24 merge: two source rows of which the condition takes one
-- < CREATE TABLE org_acme.t AS SELECT 1 AS id, 10 AS n
-- ? SELECT n FROM org_acme.t
-- = [[6]]
MERGE org_acme.t t USING (SELECT 1 AS id, 5 AS n UNION ALL SELECT 1, 6) s ON t.id = s.id WHEN MATCHED AND s.n > 5 THEN UPDATE SET n = s.n

-- # 25 merge: INSERT ROW takes the columns by their place
-- < CREATE TABLE org_acme.t (id INT64, v STRING)
-- ? SELECT id, v FROM org_acme.t
-- = [[7, "x"]]
MERGE org_acme.t USING (SELECT 7 AS other, 'x' AS name) ON FALSE WHEN NOT MATCHED THEN INSERT ROW

-- # 26 merge: INSERT VALUES without columns
-- < CREATE TABLE org_acme.t (id INT64, v STRING)
-- ? SELECT id, v FROM org_acme.t
-- = [[7, "y"]]
MERGE org_acme.t USING (SELECT 7 AS k) s ON FALSE WHEN NOT MATCHED THEN INSERT VALUES (k, 'y')

-- # 27 merge: a value of another type
-- < CREATE TABLE org_acme.t (id INT64, v STRING)
-- = ERROR
MERGE org_acme.t USING (SELECT 7 AS k) s ON FALSE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (k, k)

-- # 28 merge: a constant false replaces a slice
-- < CREATE TABLE org_acme.t AS SELECT 1 AS id, 'a' AS v UNION ALL SELECT 2, 'b'
-- ? SELECT id, v FROM org_acme.t ORDER BY id, v
-- = [[1, "z"], [2, "b"]]
MERGE org_acme.t t USING (SELECT 1 AS id, 'z' AS v) s ON FALSE WHEN NOT MATCHED BY TARGET THEN INSERT ROW WHEN NOT MATCHED BY SOURCE AND id = 1 THEN DELETE

-- # 29 merge: a NULL key matches nothing
-- < CREATE TABLE org_acme.t AS SELECT CAST(NULL AS INT64) AS id, 'a' AS v
-- ? SELECT COUNT(*) FROM org_acme.t
-- = [[2]]
MERGE org_acme.t t USING (SELECT CAST(NULL AS INT64) AS id, 'b' AS v) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT ROW

-- # 30 merge: the target itself as the source
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[3]]
MERGE org_acme.orders t USING (SELECT order_id FROM org_acme.orders WHERE units = 7) s ON t.order_id = s.order_id WHEN MATCHED THEN DELETE

-- # 31 truncate: all rows go
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[0]]
TRUNCATE TABLE org_acme.orders

-- # 32 create: OPTIONS that change no answer
-- ? SELECT COUNT(*) FROM org_acme.made
-- = [[0]]
CREATE TABLE org_acme.made (a INT64 OPTIONS(description='the a')) OPTIONS(description='made', labels=[('team', 'finops')], friendly_name='Made')

-- # 33 create: an option that would refuse queries
-- ! refused
CREATE TABLE org_acme.made (d DATE) PARTITION BY d OPTIONS(require_partition_filter=TRUE)

-- # 34 create: a table that expires
-- ! refused
CREATE TABLE org_acme.made (d DATE) OPTIONS(expiration_timestamp=TIMESTAMP '2030-01-01 00:00:00 UTC')

-- # 35 create: partitions expire on BigQuery only
-- ! approximate
-- = ANY
CREATE TABLE org_acme.made (d DATE) PARTITION BY d OPTIONS(partition_expiration_days=730)

-- # 36 create: LIKE takes the columns, COPY the rows
-- ? SELECT (SELECT COUNT(*) FROM org_acme.o1), (SELECT COUNT(*) FROM org_acme.o2)
-- = [[0, 4]]
CREATE TABLE org_acme.o1 LIKE org_acme.orders; CREATE TABLE org_acme.o2 COPY org_acme.orders

-- # 37 create: a name that is taken
-- = ERROR
CREATE TABLE org_acme.orders (a INT64)

-- # 38 drop: a table that is not there
-- = ERROR
DROP TABLE org_acme.nothing_here

-- # 39 drop: IF EXISTS
-- = ANY
DROP TABLE IF EXISTS org_acme.nothing_here

-- # 40 insert: fewer values than columns
-- = ERROR
INSERT INTO org_acme.orders (order_id, units) VALUES (1)
