-- Rebuild one day: the rows of a day in a table become exactly those of a source, a table or a view with the same columns.
--
--   p_table         dataset.table that is written
--   p_source_table  dataset.table or view that is read
--   p_day_column    a DATE column of both
--   p_day           the day
--   p_rows          OUT, how many rows the day has now
--
-- Promise: one transaction, so readers see the old day or the new one; calling it again gives the same rows. A source without any
-- row of the day is an error, not an empty day.
CREATE OR REPLACE PROCEDURE system.sp_refresh_day(p_table STRING, p_source_table STRING, p_day_column STRING, p_day DATE, OUT p_rows INT64)
BEGIN
  ASSERT REGEXP_CONTAINS(p_table, r'^[A-Za-z0-9_.-]+$') AS 'p_table must be dataset.table';
  ASSERT REGEXP_CONTAINS(p_source_table, r'^[A-Za-z0-9_.-]+$') AS 'p_source_table must be dataset.table';
  ASSERT p_table != p_source_table AS 'p_source_table must be another table';
  ASSERT REGEXP_CONTAINS(p_day_column, r'^[A-Za-z_][A-Za-z0-9_]*$') AS 'p_day_column must be the name of a column';
  EXECUTE IMMEDIATE FORMAT('SELECT COUNT(*) FROM `%s` WHERE `%s` = @day', p_source_table, p_day_column) INTO p_rows USING p_day AS day;
  IF p_rows = 0 THEN
    RAISE USING MESSAGE = FORMAT('%s has no row of %t', p_source_table, p_day);
  END IF;
  BEGIN TRANSACTION;
  EXECUTE IMMEDIATE FORMAT('DELETE FROM `%s` WHERE `%s` = @day', p_table, p_day_column) USING p_day AS day;
  EXECUTE IMMEDIATE FORMAT('INSERT INTO `%s` SELECT * FROM `%s` WHERE `%s` = @day', p_table, p_source_table, p_day_column) USING p_day AS day;
  SET p_rows = @@row_count;
  COMMIT TRANSACTION;
END;
