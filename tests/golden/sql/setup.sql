-- Tables of the golden statements: small, with a NULL, an empty text and an empty array in each kind of column.
-- Project acme-prod, dataset org_acme. Every statement starts from exactly this.

CREATE TABLE org_acme.people (
  id INT64,
  name STRING,
  town STRING,
  born DATE,
  seen TIMESTAMP,
  score FLOAT64,
  balance NUMERIC,
  active BOOL,
  tags ARRAY<STRING>,
  visits ARRAY<STRUCT<day DATE, pages INT64>>,
  extra JSON
);

INSERT INTO org_acme.people VALUES
  (1,'Ada','London',DATE '1990-03-01',TIMESTAMP '2025-11-14 23:30:00 UTC',1.5,NUMERIC '10.25',TRUE,['a','b'],[STRUCT(DATE '2025-11-01' AS day,3 AS pages),STRUCT(DATE '2025-11-02' AS day,5 AS pages)],JSON '{"age":35,"tags":["x","y"],"home":{"city":"London"}}'),
  (2,'Bo','Oslo',DATE '1985-12-31',TIMESTAMP '2025-11-15 01:00:00 UTC',2.5,NUMERIC '-3.5',FALSE,['b'],[STRUCT(DATE '2025-11-02' AS day,1 AS pages)],JSON '{"age":39,"tags":[],"home":null}'),
  (3,'Cy','Oslo',DATE '2000-02-29',NULL,NULL,NUMERIC '0',TRUE,[],[],JSON '[1,2.5,"three",null,true]'),
  (4,NULL,'',NULL,TIMESTAMP '2025-11-15 12:00:00.123456 UTC',-1.25,NULL,NULL,['c','a','a'],NULL,NULL);

CREATE TABLE org_acme.orders (
  order_id INT64,
  person_id INT64,
  placed DATE,
  amount NUMERIC,
  units INT64,
  item STRUCT<sku STRING, size STRUCT<w INT64, h INT64>>,
  code BYTES
);

INSERT INTO org_acme.orders VALUES
  (100,1,DATE '2025-11-01',NUMERIC '20',2,STRUCT('s1' AS sku,STRUCT(1 AS w,2 AS h) AS size),b'\x00\xff'),
  (101,1,DATE '2025-11-03',NUMERIC '5.5',1,STRUCT('s2' AS sku,STRUCT(3 AS w,4 AS h) AS size),b'abc'),
  (102,2,DATE '2025-11-03',NUMERIC '7',7,STRUCT('s1' AS sku,STRUCT(5 AS w,6 AS h) AS size),b''),
  (103,9,DATE '2025-12-01',NULL,NULL,NULL,NULL);

CREATE TABLE org_acme.daily_20251101 (
  id INT64,
  place STRING
);

CREATE TABLE org_acme.daily_20251102 (
  id INT64,
  place STRING
);

INSERT INTO org_acme.daily_20251101 VALUES
  (1,'north');

INSERT INTO org_acme.daily_20251102 VALUES
  (2,'south'),
  (3,'north');
