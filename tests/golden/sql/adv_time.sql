-- # 001 time: EXTRACT takes no text
-- = ERROR
SELECT EXTRACT(DAY FROM '2024-01-01')

-- # 002 time: EXTRACT has no such part
-- = ERROR
SELECT EXTRACT(EPOCH FROM TIMESTAMP '2024-01-01')

-- # 003 time: LAST_DAY takes no TIMESTAMP
-- = ERROR
SELECT LAST_DAY(TIMESTAMP '2008-11-25 10:00:00+00')

-- # 004 time: SAFE.DATE of parts that are no date
-- = [[null, "2016-02-28", null, null]]
SELECT SAFE.DATE(2016, 2, 30), SAFE.DATE(2016, 2, 28), SAFE.TIME(25, 0, 0), SAFE.DATETIME(2016, 13, 1, 0, 0, 0)

-- # 005 time: DATE of parts that are no date
-- = ERROR
SELECT DATE(2016, 2, 30)

-- # 006 time: an array of timestamps downwards
-- = [[["2016-10-06T00:00:00+00:00", "2016-10-04T00:00:00+00:00", "2016-10-02T00:00:00+00:00"]]]
SELECT GENERATE_TIMESTAMP_ARRAY('2016-10-06 00:00:00', '2016-10-01 00:00:00', INTERVAL -2 DAY)

-- # 007 time: a step of nothing
-- = ERROR
SELECT GENERATE_DATE_ARRAY('2016-01-01', '2016-12-31', INTERVAL 0 DAY)

-- # 008 time: TIMESTAMP_SECONDS takes an INT64
-- = ERROR
SELECT TIMESTAMP_SECONDS(1.5)

-- # 009 time: a day of a zone where clocks change
-- = [["2024-03-10T08:00:00+00:00", "2024-11-03T07:00:00+00:00"]]
SELECT TIMESTAMP_TRUNC(TIMESTAMP '2024-03-10 20:00:00+00', DAY, 'America/Los_Angeles'), TIMESTAMP_TRUNC(TIMESTAMP '2024-11-03 20:00:00+00', DAY, 'America/Los_Angeles')
