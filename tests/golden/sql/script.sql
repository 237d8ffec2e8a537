-- Scripts. Source: BigQuery, "Procedural language", "System variables", "Multi-statement transactions".

-- # 1 declare: one type and one default for several variables
-- = [[0, 0, 0]]
DECLARE x, y, z INT64 DEFAULT 0; SELECT x, y, z

-- # 2 declare: a variable without a default is NULL
-- = [[true]]
DECLARE d DATE; SELECT d IS NULL

-- # 3 declare: the type comes from the default
-- = [["Ada"]]
DECLARE item DEFAULT (SELECT name FROM org_acme.people WHERE id = 1); SELECT item

-- # 4 declare: a default reads variables declared before it
-- = [[6]]
DECLARE a INT64 DEFAULT 2; DECLARE b INT64 DEFAULT a * 3; SELECT b

-- # 5 declare: it stands before every other statement
-- = ERROR
SELECT 1; DECLARE x INT64

-- # 6 declare: the same name twice in one block
-- = ERROR
DECLARE x INT64; DECLARE X STRING; SELECT 1

-- # 7 declare: the name of an outer block's variable
-- = ERROR
DECLARE x INT64; BEGIN DECLARE x INT64; SELECT 1; END

-- # 8 declare: the default must fit the type
-- = ERROR
DECLARE n INT64 DEFAULT 'x'; SELECT n

-- # 9 declare: an INT64 becomes a NUMERIC, a text literal a DATE
-- = [["3", "2025-01-31"]]
DECLARE n NUMERIC DEFAULT 3; DECLARE d DATE DEFAULT '2025-01-31'; SELECT n, d

-- # 10 declare: a STRING variable is no DATE
-- = ERROR
DECLARE s STRING DEFAULT '2025-01-31'; SELECT DATE '2025-01-31' = s

-- # 11 set: names of variables have no case
-- = [[5]]
DECLARE Total INT64; SET TOTAL = 5; SELECT total

-- # 12 set: several variables from a tuple
-- = [[4, "foo", false]]
DECLARE a INT64; DECLARE b STRING; DECLARE c BOOL; SET (a, b, c) = (1 + 3, 'foo', false); SELECT a, b, c

-- # 13 set: several variables from SELECT AS STRUCT
-- = [[4, 1]]
DECLARE people, first INT64; SET (people, first) = (SELECT AS STRUCT COUNT(*), MIN(id) FROM org_acme.people); SELECT people, first

-- # 14 set: too few values
-- = ERROR
DECLARE a, b INT64; SET (a, b) = (1, 2, 3); SELECT a

-- # 15 set: a variable that was not declared
-- = ERROR
SET nope = 1

-- # 16 set: a sub-query with two rows
-- = ERROR
DECLARE x INT64; SET x = (SELECT id FROM org_acme.people); SELECT x

-- # 17 set: an array, and UNNEST of it
-- = [[3]]
DECLARE names ARRAY<STRING>; SET names = ['Oslo', 'London', 'x']; SELECT COUNT(*) FROM org_acme.people WHERE town IN UNNEST(names)

-- # 18 block: a variable lives until the END of its block
-- = [[10]]
DECLARE x INT64 DEFAULT 10; BEGIN DECLARE y INT64; SET y = x; SELECT y; END; SELECT x

-- # 19 block: outside of its block a variable is unknown
-- = ERROR
BEGIN DECLARE y INT64 DEFAULT 1; END; SELECT y

-- # 20 names: a column wins over a variable of its name
-- = [[4]]
DECLARE town STRING DEFAULT 'Oslo'; SELECT COUNT(*) FROM org_acme.people WHERE town = town

-- # 21 names: a column of a table that the query does not read is no column of it
-- = [[2]]
DECLARE amount STRING DEFAULT 'Oslo'; SELECT COUNT(*) FROM org_acme.people WHERE town = amount

-- # 22 names: a column of the outer query wins in a sub-query
-- = [[2]]
DECLARE id INT64 DEFAULT 99; SELECT COUNT(*) FROM org_acme.people p WHERE EXISTS (SELECT 1 FROM org_acme.orders WHERE person_id = id)

-- # 23 names: an alias of UNNEST wins
-- = [[1], [2]]
DECLARE x INT64 DEFAULT 9; SELECT x FROM UNNEST([1, 2]) AS x ORDER BY x

-- # 24 names: keywords in strings and comments are none
-- = [["END; IF THEN -- BEGIN"]]
DECLARE s STRING DEFAULT 'END; IF THEN -- BEGIN'; /* DECLARE x; END; */ -- ; BEGIN
# LOOP;
SELECT s

-- # 25 names: a result is called like its variable
-- ? SELECT n FROM org_acme.made
-- = [[7]]
DECLARE n INT64 DEFAULT 7; CREATE TABLE org_acme.made AS SELECT n

-- # 26 if: NULL is not true
-- = [["else"]]
DECLARE b BOOL; IF b THEN SELECT 'then'; ELSE SELECT 'else'; END IF

-- # 27 if: the first arm that holds
-- = [["b"]]
DECLARE n INT64 DEFAULT 5; IF n > 9 THEN SELECT 'a'; ELSEIF n > 3 THEN SELECT 'b'; ELSEIF n > 1 THEN SELECT 'c'; END IF

-- # 28 if: a condition is a BOOL
-- = ERROR
IF 1 THEN SELECT 1; END IF

-- # 29 if: CASE ... END in a condition does not end the statement
-- = [["yes"]]
IF CASE WHEN TRUE THEN 1 ELSE 2 END = 1 THEN SELECT 'yes'; END IF

-- # 30 case: searched
-- = [["found in orders"]]
DECLARE p INT64 DEFAULT 9;
CASE WHEN EXISTS(SELECT 1 FROM org_acme.people WHERE id = p) THEN SELECT 'found in people';
     WHEN EXISTS(SELECT 1 FROM org_acme.orders WHERE person_id = p) THEN SELECT 'found in orders';
     ELSE SELECT 'not found';
END CASE

-- # 31 case: a search expression
-- = [["Product one"]]
DECLARE product_id INT64 DEFAULT 1;
CASE product_id WHEN 1 THEN SELECT CONCAT('Product one'); WHEN 2 THEN SELECT CONCAT('Product two'); ELSE SELECT CONCAT('Invalid product'); END CASE

-- # 32 case: a NULL matches nothing
-- = [["none"]]
DECLARE k INT64; CASE k WHEN NULL THEN SELECT 'null'; ELSE SELECT 'none'; END CASE

-- # 33 loop: LOOP with LEAVE
-- = [[10]]
DECLARE x INT64 DEFAULT 0; LOOP SET x = x + 1; IF x >= 10 THEN LEAVE; END IF; END LOOP; SELECT x

-- # 34 loop: REPEAT until
-- = [[3]]
DECLARE x INT64 DEFAULT 0; REPEAT SET x = x + 1; UNTIL x >= 3 END REPEAT; SELECT x

-- # 35 loop: WHILE with CONTINUE and BREAK
-- = [[4]]
DECLARE i, s INT64 DEFAULT 0; WHILE TRUE DO SET i = i + 1; IF MOD(i, 2) = 1 THEN CONTINUE; END IF; IF i > 6 THEN BREAK; END IF; SET s = s + 1; IF s > 9 THEN LEAVE; END IF; END WHILE; SELECT s + 1

-- # 36 loop: BREAK outside of a loop
-- = ERROR
BREAK

-- # 37 loop: a row of FOR is a struct of its columns
-- = [["Ada London, Bo Oslo, Cy Oslo, "]]
DECLARE s STRING DEFAULT '';
FOR person IN (SELECT name, town FROM org_acme.people WHERE name IS NOT NULL ORDER BY id) DO
  SET s = CONCAT(s, person.name, ' ', person.town, ', ');
END FOR;
SELECT s

-- # 38 loop: the rows of FOR are read once, before the body
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[8]]
FOR o IN (SELECT order_id FROM org_acme.orders) DO
  INSERT INTO org_acme.orders (order_id) VALUES (o.order_id + 1000);
END FOR

-- # 39 loop: the row of FOR ends with its loop
-- = ERROR
FOR r IN (SELECT 1 AS a) DO SELECT r.a; END FOR; SELECT r.a

-- # 40 loop: a label
-- ! refused
outer_loop: LOOP LEAVE outer_loop; END LOOP

-- # 41 loop: more turns than a script has here
-- ! refused
LOOP CONTINUE; END LOOP

-- # 42 error: what a handler answers
-- = [["caught"]]
BEGIN SELECT 1/0; SELECT 'after'; EXCEPTION WHEN ERROR THEN SELECT 'caught'; END

-- # 43 error: what ran before the error stays
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[5]]
BEGIN INSERT INTO org_acme.orders (order_id) VALUES (500); SELECT 1/0; EXCEPTION WHEN ERROR THEN SELECT 'caught'; END

-- # 44 error: a handler's own error goes to the block around it
-- = [["outer"]]
BEGIN BEGIN SELECT 1/0; EXCEPTION WHEN ERROR THEN SELECT 1/0; END; EXCEPTION WHEN ERROR THEN SELECT 'outer'; END

-- # 45 error: the message of RAISE is exactly the one given
-- = [["It broke: 7"]]
BEGIN RAISE USING MESSAGE = CONCAT('It broke: ', '7'); EXCEPTION WHEN ERROR THEN SELECT @@error.message; END

-- # 46 error: RAISE stops a script
-- = ERROR
RAISE USING MESSAGE = 'stop'; SELECT 1

-- # 47 error: RAISE without a message raises again
-- = [["first"]]
BEGIN BEGIN RAISE USING MESSAGE = 'first'; EXCEPTION WHEN ERROR THEN RAISE; END; EXCEPTION WHEN ERROR THEN SELECT @@error.message; END

-- # 48 error: RAISE without a message outside of a handler
-- = ERROR
RAISE

-- # 49 error: BigQuery's text of other errors is not known here
-- ! refused
BEGIN SELECT 1/0; EXCEPTION WHEN ERROR THEN SELECT @@error.message; END

-- # 50 error: a variable of the block is not there in its handler
-- = ERROR
BEGIN DECLARE x INT64 DEFAULT 1; SELECT 1/0; EXCEPTION WHEN ERROR THEN SELECT x; END

-- # 51 error: a table that is not there is caught
-- = [["no table"]]
BEGIN SELECT * FROM org_acme.nothing_here; EXCEPTION WHEN ERROR THEN SELECT 'no table'; END

-- # 52 assert: what holds says nothing
-- = [[1]]
ASSERT (SELECT COUNT(*) FROM org_acme.people) = 4 AS 'four people'; SELECT 1

-- # 53 assert: what does not hold stops
-- = ERROR
ASSERT EXISTS(SELECT 1 FROM org_acme.people WHERE id = 77) AS 'nobody'; SELECT 1

-- # 54 assert: NULL does not hold
-- = ERROR
ASSERT (SELECT CAST(NULL AS BOOL)); SELECT 1

-- # 55 return: nothing runs after it
-- = [["a"]]
SELECT 'a'; RETURN; SELECT 'b'

-- # 56 execute: values by place
-- = [[5]]
DECLARE y INT64; EXECUTE IMMEDIATE "SELECT ? * (? + 2)" INTO y USING 1, 3; SELECT y

-- # 57 execute: values by name
-- = [[5]]
DECLARE y INT64; EXECUTE IMMEDIATE "SELECT @a * (@b + 2)" INTO y USING 1 as a, 3 as b; SELECT y

-- # 58 execute: the documentation's books
-- = [[1599, 4]]
DECLARE book_name STRING DEFAULT 'Ulysses'; DECLARE book_year INT64 DEFAULT 1922; DECLARE first_date INT64;
EXECUTE IMMEDIATE "CREATE TEMP TABLE Books (title STRING, publish_date INT64)";
EXECUTE IMMEDIATE "INSERT INTO Books (title, publish_date) VALUES('Hamlet', 1599)";
EXECUTE IMMEDIATE "INSERT INTO Books (title, publish_date) VALUES(?, ?)" USING book_name, book_year;
EXECUTE IMMEDIATE "INSERT INTO Books (title, publish_date) VALUES(@name, @year)" USING 1815 as year, "Emma" as name;
EXECUTE IMMEDIATE CONCAT("INSERT INTO Books (title, publish_date)", "VALUES('Middlemarch', 1871)");
EXECUTE IMMEDIATE "SELECT MIN(publish_date) FROM Books LIMIT 1" INTO first_date;
SELECT first_date, (SELECT COUNT(*) FROM Books)

-- # 59 execute: no row sets NULL
-- = [[true]]
DECLARE y INT64 DEFAULT 3; EXECUTE IMMEDIATE "SELECT id FROM org_acme.people WHERE id = 77" INTO y; SELECT y IS NULL

-- # 60 execute: more than one row is an error
-- = ERROR
DECLARE y INT64; EXECUTE IMMEDIATE "SELECT id FROM org_acme.people" INTO y

-- # 61 execute: variables are not seen inside
-- = ERROR
DECLARE y INT64 DEFAULT 3; EXECUTE IMMEDIATE "SELECT y + 1"

-- # 62 execute: no control statement
-- = ERROR
EXECUTE IMMEDIATE "IF TRUE THEN SELECT 1; END IF"

-- # 63 execute: nothing inside of it is hidden from the guard
-- ! refused
EXECUTE IMMEDIATE "EXPORT DATA OPTIONS (uri = 'gs://b/x-*.csv', format = 'CSV') AS SELECT 1 AS a"

-- # 64 execute: a name by FORMAT
-- = [[4]]
DECLARE t STRING DEFAULT 'people'; EXECUTE IMMEDIATE FORMAT("SELECT COUNT(*) FROM `acme-prod.org_acme.%s`", t)

-- # 65 row_count: after INSERT, UPDATE and DELETE
-- = [[2, 1, 1]]
DECLARE a, b, c INT64;
CREATE TEMP TABLE tt (n INT64);
INSERT INTO tt VALUES (1), (2); SET a = @@row_count;
UPDATE tt SET n = 5 WHERE n = 1; SET b = @@row_count;
DELETE FROM tt WHERE n = 5; SET c = @@row_count;
SELECT a, b, c

-- # 66 row_count: MERGE counts all it wrote
-- = [[3]]
CREATE TEMP TABLE tt AS SELECT 1 AS n UNION ALL SELECT 2;
MERGE tt USING (SELECT 2 AS n UNION ALL SELECT 3) s ON tt.n = s.n WHEN MATCHED THEN UPDATE SET n = 20 WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE;
SELECT @@row_count

-- # 67 transaction: COMMIT keeps
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[3]]
BEGIN TRANSACTION; DELETE FROM org_acme.orders WHERE order_id = 100; COMMIT TRANSACTION

-- # 68 transaction: BEGIN alone begins one, ROLLBACK gives everything up
-- ? SELECT COUNT(*), MAX(units) FROM org_acme.orders
-- = [[4, 7]]
BEGIN; DELETE FROM org_acme.orders WHERE order_id = 100; UPDATE org_acme.orders SET units = 99 WHERE TRUE; ROLLBACK

-- # 69 transaction: what was written before it stays
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[5]]
INSERT INTO org_acme.orders (order_id) VALUES (600); BEGIN TRANSACTION; DELETE FROM org_acme.orders WHERE TRUE; ROLLBACK TRANSACTION

-- # 70 transaction: one that nobody ends is rolled back
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[4]]
BEGIN TRANSACTION; DELETE FROM org_acme.orders WHERE TRUE

-- # 71 transaction: a handler rolls back
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[4]]
BEGIN
  BEGIN TRANSACTION;
  INSERT INTO org_acme.orders (order_id) VALUES (700);
  SELECT 1/0;
  COMMIT TRANSACTION;
EXCEPTION WHEN ERROR THEN
  ROLLBACK TRANSACTION;
END

-- # 72 transaction: a handler may commit as well
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[5]]
BEGIN BEGIN TRANSACTION; INSERT INTO org_acme.orders (order_id) VALUES (700); SELECT 1/0; EXCEPTION WHEN ERROR THEN COMMIT TRANSACTION; END

-- # 73 transaction: its changes are seen inside
-- = [[0]]
BEGIN TRANSACTION; DELETE FROM org_acme.orders WHERE TRUE; SELECT COUNT(*) FROM org_acme.orders; COMMIT

-- # 74 transaction: they are not nested
-- = ERROR
BEGIN TRANSACTION; BEGIN TRANSACTION; COMMIT; COMMIT

-- # 75 transaction: COMMIT without one
-- = ERROR
COMMIT TRANSACTION

-- # 76 transaction: ROLLBACK without one
-- = ERROR
ROLLBACK

-- # 77 transaction: no permanent table is made in it
-- = ERROR
BEGIN TRANSACTION; CREATE TABLE org_acme.made (a INT64); COMMIT TRANSACTION

-- # 78 transaction: the documentation's arrivals
-- < CREATE TABLE org_acme.Inventory AS SELECT 'washer' AS product, 10 AS quantity UNION ALL SELECT 'oven', 30
-- < CREATE TABLE org_acme.NewArrivals AS SELECT 'washer' AS product, 100 AS quantity, 'warehouse #1' AS warehouse UNION ALL SELECT 'dryer', 200, 'warehouse #2' UNION ALL SELECT 'oven', 300, 'warehouse #1'
-- ? SELECT product, quantity FROM org_acme.Inventory UNION ALL SELECT product, quantity FROM org_acme.NewArrivals ORDER BY 1
-- = [["dryer", 200], ["oven", 330], ["washer", 110]]
BEGIN TRANSACTION;
CREATE TEMP TABLE tmp AS SELECT * FROM org_acme.NewArrivals WHERE warehouse = 'warehouse #1';
DELETE org_acme.NewArrivals WHERE warehouse = 'warehouse #1';
MERGE org_acme.Inventory AS I USING tmp AS T ON I.product = T.product
WHEN NOT MATCHED THEN INSERT(product, quantity) VALUES(product, quantity)
WHEN MATCHED THEN UPDATE SET quantity = I.quantity + T.quantity;
DROP TABLE tmp;
COMMIT TRANSACTION

-- # 79 result: that of the last statement, which gives no rows
-- = []
SELECT 1; INSERT INTO org_acme.orders (order_id) VALUES (800)

-- # 80 function: a temporary one, with a type for its argument
-- = [[42, 3.5]]
CREATE TEMP FUNCTION dbl(x INT64) AS (x * 2); CREATE TEMP FUNCTION half(x FLOAT64) RETURNS FLOAT64 AS (x / 2); SELECT dbl(21), half(7)

-- # 81 function: its argument must fit
-- = ERROR
CREATE TEMP FUNCTION dbl(x INT64) AS (x * 2); SELECT dbl('a')

-- # 82 function: on each row
-- = [["LONDON", 1], ["OSLO", 2], ["", 4]]
CREATE TEMP FUNCTION loud(s STRING) RETURNS STRING AS (UPPER(s)); SELECT loud(town), MIN(id) FROM org_acme.people GROUP BY 1 ORDER BY 2

-- # 83 function: in JavaScript
-- ! refused
CREATE TEMP FUNCTION f(x FLOAT64) RETURNS FLOAT64 LANGUAGE js AS "return x*2;"; SELECT f(2)

-- # 84 view: what it gives is asked anew
-- ? SELECT n FROM org_acme.v_count
-- = [[5]]
CREATE VIEW org_acme.v_count AS SELECT COUNT(*) AS n FROM org_acme.orders; INSERT INTO org_acme.orders (order_id) VALUES (900)

-- # 85 view: one of a view
-- ? SELECT m FROM org_acme.v2
-- = [[8]]
CREATE VIEW org_acme.v1 AS SELECT COUNT(*) AS n FROM org_acme.orders; CREATE VIEW org_acme.v2 AS SELECT n * 2 AS m FROM org_acme.v1

-- # 86 view: it is not written
-- = ERROR
CREATE VIEW org_acme.v1 AS SELECT 1 AS a; INSERT INTO org_acme.v1 VALUES (2)

-- # 87 view: it needs the dataset of its tables
-- = ERROR
CREATE TEMP TABLE tt AS SELECT 1 AS a; CREATE VIEW org_acme.v1 AS SELECT a FROM tt

-- # 88 view: DROP TABLE drops no view
-- = ERROR
CREATE VIEW org_acme.v1 AS SELECT 1 AS a; DROP TABLE org_acme.v1

-- # 89 view: gone when dropped
-- = ERROR
CREATE VIEW org_acme.v1 AS SELECT 1 AS a; DROP VIEW org_acme.v1; SELECT * FROM org_acme.v1

-- # 92 view: it is no base table
-- ? SELECT table_name, table_type FROM org_acme.INFORMATION_SCHEMA.TABLES WHERE table_name = 'v1'
-- = [["v1", "VIEW"]]
CREATE VIEW org_acme.v1 AS SELECT 1 AS a

-- # 90 set: system variables are not set here
-- ! refused
SET @@time_zone = 'Asia/Tokyo'; SELECT 1

-- # 91 block: more than fifty deep
-- = ERROR
BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN BEGIN SELECT 1; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END; END
