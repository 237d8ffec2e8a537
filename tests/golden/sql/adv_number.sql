-- # 001 number: NaN is in no list and never NULLIF
-- = [[false, "NaN", false]]
SELECT CAST('nan' AS FLOAT64) IN (CAST('nan' AS FLOAT64)), NULLIF(CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64)), CAST('nan' AS FLOAT64) BETWEEN 0 AND 1

-- # 002 number: a quotient of BIGNUMERIC has 38 digits after the point
-- = ANY
-- ! refused
SELECT BIGNUMERIC '10' / 3

-- # 003 number: a BIGNUMERIC that does not fit
-- = ANY
-- ! refused
SELECT BIGNUMERIC '1e-38'

-- # 004 number: a condition is a BOOL
-- = ERROR
SELECT IF(1, 2, 3)

-- # 005 number: a condition of CASE is a BOOL
-- = ERROR
SELECT CASE WHEN 1 THEN 2 END

-- # 006 number: there is no operator %
-- = ERROR
SELECT 7 % 2

-- # 007 number: a number does not run into a name
-- = ERROR
SELECT 1_000

-- # 008 number: there is no such FLOAT64
-- = ERROR
SELECT 1e400

-- # 009 number: a sum of literals overflows
-- = ERROR
SELECT 1.7e308 + 1.7e308

-- # 010 number: SAFE_CAST to NUMERIC out of range
-- = [[null, "1.5"]]
SELECT SAFE_CAST(1e40 AS NUMERIC), SAFE_CAST(1.5 AS NUMERIC)

-- # 011 number: types of others
-- = ERROR
SELECT CAST(1 AS VARCHAR)

-- # 012 number: an alias is no type
-- = [["1"]]
SELECT CAST((SELECT 1 AS double) AS STRING)

-- # 013 number: no array of arrays
-- = ERROR
SELECT [[1]]

-- # 014 number: AVG of a date
-- = ERROR
SELECT AVG(DATE '2020-01-01')

-- # 015 number: bytes as a parameter
-- @ {"b": ["BYTES", "AQI="]}
-- = [["0102"]]
SELECT TO_HEX(@b)
