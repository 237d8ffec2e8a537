-- Wildcard tables, INFORMATION_SCHEMA, FOR SYSTEM_TIME, samples, system variables. Source: BigQuery, the pages of that name.

-- # 001 meta: COUNT
-- = [["20251101",1],["20251102",2]]
SELECT _TABLE_SUFFIX AS day, COUNT(*) AS n FROM `acme-prod.org_acme.daily_*` GROUP BY day ORDER BY day

-- # 002 meta: * FROM `org_acme.daily_*` ORDER BY id
-- = [[1,"north"],[2,"south"],[3,"north"]]
SELECT * FROM `org_acme.daily_*` ORDER BY id

-- # 003 meta: id FROM `org_acme.daily_2025110*` WHERE _TABLE_SUFFIX = '2' 
-- = [[2],[3]]
SELECT id FROM `org_acme.daily_2025110*` WHERE _TABLE_SUFFIX = '2' ORDER BY id

-- # 004 meta: d.id, d._TABLE_SUFFIX AS day FROM `org_acme.daily_*` AS d WH
-- = [[2,"20251102"]]
SELECT d.id, d._TABLE_SUFFIX AS day FROM `org_acme.daily_*` AS d WHERE d.place = 'south'

-- # 005 meta: COUNT (2)
-- = [[2]]
SELECT COUNT(*) FROM `org_acme.daily_*` WHERE _TABLE_SUFFIX BETWEEN '20251102' AND '20251130'

-- # 006 meta: COUNT is an error
-- = ERROR
SELECT COUNT(*) FROM org_acme.daily_*

-- # 007 meta: COUNT is an error (2)
-- = ERROR
SELECT COUNT(*) FROM `org_acme.nothing_*`

-- # 008 meta: COUNT is an error (3)
-- = ERROR
SELECT COUNT(*) FROM `org_acme.da*ly_20251101`

-- # 009 meta: table_name, table_type FROM org_acme.INFORMATION_SCHEMA.TABL
-- = [["daily_20251101","BASE TABLE"],["daily_20251102","BASE TABLE"]]
SELECT table_name, table_type FROM org_acme.INFORMATION_SCHEMA.TABLES WHERE table_name LIKE 'daily%' ORDER BY table_name

-- # 010 meta: table_catalog, table_schema, is_insertable_into FROM `acme-p
-- = [["acme-prod","org_acme","YES"]]
SELECT table_catalog, table_schema, is_insertable_into FROM `acme-prod`.org_acme.INFORMATION_SCHEMA.TABLES WHERE table_name = 'people'

-- # 011 meta: column_name, data_type, ordinal_position, is_nullable FROM `
-- = [["units","INT64",5,"YES"],["item","STRUCT<sku STRING, size STRUCT<w INT64, h INT64>>",6,"YES"],["code","BYTES",7,"YES"]]
SELECT column_name, data_type, ordinal_position, is_nullable FROM `acme-prod.org_acme.INFORMATION_SCHEMA.COLUMNS` WHERE table_name = 'orders' AND ordinal_position > 4 ORDER BY ordinal_position

-- # 012 meta: field_path, data_type FROM org_acme.INFORMATION_SCHEMA.COLUM
-- = [["item","STRUCT<sku STRING, size STRUCT<w INT64, h INT64>>"],["item.size","STRUCT<w INT64, h INT64>"],["item.size.h","INT64"],["item.size.w","INT64"],["item.sku","STRING"]]
SELECT field_path, data_type FROM org_acme.INFORMATION_SCHEMA.COLUMN_FIELD_PATHS WHERE table_name = 'orders' AND column_name = 'item' ORDER BY field_path

-- # 013 meta: c.column_name FROM org_acme.INFORMATION_SCHEMA.COLUMNS AS c 
-- = [["place"]]
SELECT c.column_name FROM org_acme.INFORMATION_SCHEMA.COLUMNS AS c JOIN org_acme.INFORMATION_SCHEMA.TABLES AS t USING (table_name) WHERE t.table_name = 'daily_20251101' AND c.data_type = 'STRING'

-- # 014 meta: schema_name FROM INFORMATION_SCHEMA.SCHEMATA
-- ! approximate
-- = [["org_acme"]]
SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA

-- # 015 meta: table_name, total_rows FROM org_acme.INFORMATION_SCHEMA.PART is refused
-- ! refused
-- = ANY
SELECT table_name, total_rows FROM org_acme.INFORMATION_SCHEMA.PARTITIONS

-- # 016 meta: ddl FROM org_acme.INFORMATION_SCHEMA.TABLES is refused
-- ! refused
-- = ANY
SELECT ddl FROM org_acme.INFORMATION_SCHEMA.TABLES

-- # 017 meta: job_id FROM `region-us`.INFORMATION_SCHEMA.JOBS is refused
-- ! refused
-- = ANY
SELECT job_id FROM `region-us`.INFORMATION_SCHEMA.JOBS

-- # 018 meta: table_name FROM `someone-else`.org_acme.INFORMATION_SCHEMA.T is refused
-- ! refused
-- = ANY
SELECT table_name FROM `someone-else`.org_acme.INFORMATION_SCHEMA.TABLES

-- # 019 meta: COUNT, CURRENT_TIMESTAMP
-- = [[4]]
SELECT COUNT(*) FROM org_acme.people FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()

-- # 020 meta: COUNT, CURRENT_TIMESTAMP (2)
-- = [[2]]
SELECT COUNT(*) FROM org_acme.people AS p FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP() WHERE p.id > 2

-- # 021 meta: COUNT, TIMESTAMP_ADD, CURRENT_TIMESTAMP is an error
-- = ERROR
SELECT COUNT(*) FROM org_acme.people FOR SYSTEM_TIME AS OF TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)

-- # 022 meta: COUNT is an error (4)
-- = ERROR
SELECT COUNT(*) FROM org_acme.people FOR SYSTEM_TIME AS OF TIMESTAMP '2001-01-01 00:00:00+00'

-- # 023 meta: COUNT, SYSTEM
-- = [[4]]
SELECT COUNT(*) FROM org_acme.people TABLESAMPLE SYSTEM (100 PERCENT)

-- # 024 meta: COUNT, SYSTEM (2)
-- ! approximate
-- = [[true]]
SELECT COUNT(*) >= 0 FROM org_acme.people TABLESAMPLE SYSTEM (20 PERCENT)

-- # 025 meta: COUNT, SYSTEM is an error
-- = ERROR
SELECT COUNT(*) FROM org_acme.people TABLESAMPLE SYSTEM (120 PERCENT)

-- # 026 meta: SESSION_USER
-- ! approximate
-- = [[true]]
SELECT SESSION_USER() IS NOT NULL

-- # 027 meta: @@project_id
-- = [["acme-prod"]]
SELECT @@project_id

-- # 028 meta: @@time_zone is refused
-- ! refused
-- = ANY
SELECT @@time_zone
