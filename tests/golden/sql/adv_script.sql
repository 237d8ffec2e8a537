-- # 001 dml: a table keeps no NULL array
-- ? SELECT ARRAY_LENGTH(tags), ARRAY_LENGTH(visits) FROM org_acme.people WHERE id = 9
-- = [[0, 0]]
INSERT INTO org_acme.people (id, tags) VALUES (9, NULL);

-- # 002 dml: no NULL inside of an array
-- = ERROR
INSERT INTO org_acme.people (id, tags) VALUES (9, ['x', NULL]);

-- # 003 create: the columns of a table are named
-- = ERROR
CREATE TABLE org_acme.t1 AS SELECT 1, 2 AS b;

-- # 004 create: types of others
-- = ERROR
CREATE TABLE IF NOT EXISTS org_acme.t1 (a INTEGER, b TEXT NOT NULL);

-- # 005 function: arguments of any type
-- = ANY
-- ! refused
CREATE TEMP FUNCTION f(x ANY TYPE) AS (x + 4);
SELECT f(4);

-- # 006 query: a JOIN has a condition
-- = ERROR
SELECT 1 FROM org_acme.people p LEFT JOIN org_acme.orders o

-- # 007 query: WHERE needs FROM
-- = ERROR
SELECT 1 WHERE TRUE

-- # 008 query: LIMIT takes one number
-- = ERROR
SELECT id FROM org_acme.people LIMIT 1, 2
