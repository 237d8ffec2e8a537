-- Retention: remove the rows of a table that are older than a day.
--
--   p_table     dataset.table
--   p_column    a DATE column of it; its partition column makes this cheap
--   p_before    rows of this day and later stay; rows without a day stay as well
--   p_dry_run   TRUE: only count them
--   p_rows      OUT, how many rows there were to remove
--
-- Promise: one statement removes them, so all of them go or none; a second call finds 0.
CREATE OR REPLACE PROCEDURE system.sp_delete_before(p_table STRING, p_column STRING, p_before DATE, p_dry_run BOOL, OUT p_rows INT64)
BEGIN
  ASSERT REGEXP_CONTAINS(p_table, r'^[A-Za-z0-9_.-]+$') AS 'p_table must be dataset.table';
  ASSERT REGEXP_CONTAINS(p_column, r'^[A-Za-z_][A-Za-z0-9_]*$') AS 'p_column must be the name of a column';
  ASSERT p_before IS NOT NULL AS 'p_before must be a day';
  EXECUTE IMMEDIATE FORMAT('SELECT COUNT(*) FROM `%s` WHERE `%s` < @before', p_table, p_column) INTO p_rows USING p_before AS before;
  IF NOT COALESCE(p_dry_run, FALSE) AND p_rows > 0 THEN
    EXECUTE IMMEDIATE FORMAT('DELETE FROM `%s` WHERE `%s` < @before', p_table, p_column) USING p_before AS before;
    SET p_rows = @@row_count;
  END IF;
END;
