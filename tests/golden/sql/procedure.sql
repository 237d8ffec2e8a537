-- Procedures. Source: BigQuery, "Work with SQL stored procedures", "Procedural language" (CALL), "CREATE PROCEDURE statement".

-- # 1 call: IN and OUT
-- = [[3]]
CREATE PROCEDURE org_acme.add_one(IN x INT64, OUT y INT64) BEGIN SET y = x + 1; END; BEGIN DECLARE r INT64; CALL org_acme.add_one(2, r); SELECT r; END

-- # 2 call: an OUT argument begins as NULL
-- = [[true]]
CREATE PROCEDURE org_acme.look(OUT y BOOL, OUT z INT64) BEGIN SET y = z IS NULL; END; BEGIN DECLARE r BOOL; DECLARE q INT64 DEFAULT 5; CALL org_acme.look(r, q); SELECT r; END

-- # 3 call: INOUT goes both ways
-- = [[15]]
CREATE PROCEDURE org_acme.more(INOUT n INT64, delta INT64) BEGIN SET n = n + delta; END; BEGIN DECLARE v INT64 DEFAULT 10; CALL org_acme.more(v, 5); SELECT v; END

-- # 4 call: too few arguments
-- = ERROR
CREATE PROCEDURE org_acme.p(x INT64) BEGIN SELECT x; END; CALL org_acme.p()

-- # 5 call: an argument of another type
-- = ERROR
CREATE PROCEDURE org_acme.p(x INT64) BEGIN SELECT x; END; CALL org_acme.p('a')

-- # 6 call: OUT needs a variable
-- = ERROR
CREATE PROCEDURE org_acme.p(OUT x INT64) BEGIN SET x = 1; END; CALL org_acme.p(1)

-- # 7 call: the same variable twice as OUT
-- = ERROR
CREATE PROCEDURE org_acme.p(OUT x INT64, OUT y INT64) BEGIN SET x = 1; END; BEGIN DECLARE v INT64; CALL org_acme.p(v, v); END

-- # 8 call: a procedure that is not there
-- = ERROR
CALL org_acme.nothing_here(1)

-- # 9 call: it sees no variable of its caller
-- = ERROR
CREATE PROCEDURE org_acme.p() BEGIN SELECT secret; END; BEGIN DECLARE secret INT64 DEFAULT 1; CALL org_acme.p(); END

-- # 10 call: one procedure calls another
-- = [["inner of outer"]]
CREATE PROCEDURE org_acme.p1(p_who STRING) BEGIN SELECT CONCAT('inner of ', p_who); END; CREATE PROCEDURE org_acme.p2() BEGIN CALL org_acme.p1('outer'); END; CALL org_acme.p2()

-- # 11 call: recursion that ends
-- = [[120]]
CREATE PROCEDURE org_acme.fact(n INT64, OUT f INT64) BEGIN DECLARE v_rest INT64 DEFAULT 1; IF n > 1 THEN CALL org_acme.fact(n - 1, v_rest); END IF; SET f = n * v_rest; END; BEGIN DECLARE r INT64; CALL org_acme.fact(5, r); SELECT r; END

-- # 12 call: recursion without an end stops at fifty
-- = ERROR
CREATE PROCEDURE org_acme.p() BEGIN CALL org_acme.p(); END; CALL org_acme.p()

-- # 13 call: an error in it is caught outside
-- = [["caught"]]
CREATE PROCEDURE org_acme.proc1() BEGIN SELECT 1/0; END; CREATE PROCEDURE org_acme.proc2() BEGIN CALL org_acme.proc1(); END; BEGIN CALL org_acme.proc2(); EXCEPTION WHEN ERROR THEN SELECT 'caught'; END

-- # 14 call: RETURN ends the procedure, not its caller
-- = [["after"]]
CREATE PROCEDURE org_acme.p() BEGIN SELECT 'in'; RETURN; SELECT 'never'; END; CALL org_acme.p(); SELECT 'after'

-- # 15 call: a transaction inside
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[4]]
CREATE PROCEDURE org_acme.swap(p_id INT64) BEGIN BEGIN TRANSACTION; DELETE FROM org_acme.orders WHERE order_id = p_id; INSERT INTO org_acme.orders (order_id) VALUES (p_id); COMMIT TRANSACTION; END; CALL org_acme.swap(100)

-- # 16 call: what it writes before its error is not kept by a rolled back transaction
-- ? SELECT COUNT(*) FROM org_acme.orders
-- = [[4]]
CREATE PROCEDURE org_acme.bad() BEGIN BEGIN TRANSACTION; DELETE FROM org_acme.orders WHERE TRUE; SELECT 1/0; COMMIT TRANSACTION; EXCEPTION WHEN ERROR THEN ROLLBACK TRANSACTION; END; CALL org_acme.bad()

-- # 17 create: the name is taken
-- < CREATE PROCEDURE org_acme.p() BEGIN SELECT 1; END
-- = ERROR
CREATE PROCEDURE org_acme.p() BEGIN SELECT 2; END

-- # 18 create: OR REPLACE
-- < CREATE PROCEDURE org_acme.p() BEGIN SELECT 1; END
-- = [[2]]
CREATE OR REPLACE PROCEDURE org_acme.p() BEGIN SELECT 2; END; CALL org_acme.p()

-- # 19 create: IF NOT EXISTS leaves the old one
-- < CREATE PROCEDURE org_acme.p() BEGIN SELECT 1; END
-- = [[1]]
CREATE PROCEDURE IF NOT EXISTS org_acme.p() BEGIN SELECT 2; END; CALL org_acme.p()

-- # 20 drop: gone
-- < CREATE PROCEDURE org_acme.p() BEGIN SELECT 1; END
-- = ERROR
DROP PROCEDURE org_acme.p; CALL org_acme.p()

-- # 21 drop: one that is not there
-- = ERROR
DROP PROCEDURE org_acme.nothing_here

-- # 22 drop: IF EXISTS
-- = [[1]]
DROP PROCEDURE IF EXISTS org_acme.nothing_here; SELECT 1

-- # 23 create: its body is a block
-- = ERROR
CREATE PROCEDURE org_acme.p() SELECT 1

-- # 24 create: a block without an end
-- = ERROR
CREATE PROCEDURE org_acme.p() BEGIN SELECT 1

-- # 25 create: not written in SQL
-- ! refused
CREATE PROCEDURE org_acme.p() WITH CONNECTION `acme-prod.us.spark` OPTIONS(engine='SPARK') LANGUAGE PYTHON AS R"""print(1)"""

-- # 26 call: a column wins over an argument of its name
-- = [[4]]
CREATE PROCEDURE org_acme.p(town STRING) BEGIN SELECT COUNT(*) FROM org_acme.people WHERE town = town; END; CALL org_acme.p('Oslo')

-- # 27 call: with a prefix there is no doubt
-- = [[2]]
CREATE PROCEDURE org_acme.p(p_town STRING) OPTIONS(strict_mode=FALSE) BEGIN SELECT COUNT(*) FROM org_acme.people WHERE town = p_town; END; CALL `acme-prod.org_acme.p`('Oslo')

-- # 28 call: another project
-- ! refused
CALL `other-project.org_acme.p`()

-- # 29 create: in a transaction
-- = ERROR
BEGIN TRANSACTION; CREATE PROCEDURE org_acme.p() BEGIN SELECT 1; END; COMMIT TRANSACTION

-- # 30 create: an argument of any type
-- ! refused
CREATE PROCEDURE org_acme.p(x ANY TYPE) BEGIN SELECT x; END
