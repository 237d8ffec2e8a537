-- Deduplicate: of the rows of one day that have the same key, keep the one that comes first in an order.
--
--   p_table       dataset.table
--   p_day_column  a DATE column of it; only rows of p_day are looked at and rewritten
--   p_day         the day
--   p_keys        the columns of the key, with commas: 'order_id' or 'order_id, line'
--   p_order       which of them stays: 'updated_at DESC', or several columns with commas; rows that tie are told apart by nothing else
--   p_removed     OUT, how many rows went
--
-- Promise: the day is rewritten in one transaction, so readers see the old rows or the new ones; a second call removes 0.
CREATE OR REPLACE PROCEDURE system.sp_deduplicate_day(p_table STRING, p_day_column STRING, p_day DATE, p_keys STRING, p_order STRING,
                                                      OUT p_removed INT64)
BEGIN
  DECLARE v_before INT64;
  DECLARE v_after INT64;
  ASSERT REGEXP_CONTAINS(p_table, r'^[A-Za-z0-9_.-]+$') AS 'p_table must be dataset.table';
  ASSERT REGEXP_CONTAINS(p_day_column, r'^[A-Za-z_][A-Za-z0-9_]*$') AS 'p_day_column must be the name of a column';
  ASSERT REGEXP_CONTAINS(p_keys, r'^[A-Za-z_][A-Za-z0-9_]*(, *[A-Za-z_][A-Za-z0-9_]*)*$') AS 'p_keys must be names of columns';
  ASSERT REGEXP_CONTAINS(p_order, r'^[A-Za-z_][A-Za-z0-9_]*( +(ASC|DESC|asc|desc))?(, *[A-Za-z_][A-Za-z0-9_]*( +(ASC|DESC|asc|desc))?)*$')
    AS 'p_order must be names of columns, each with ASC or DESC';
  EXECUTE IMMEDIATE FORMAT('SELECT COUNT(*) FROM `%s` WHERE `%s` = @day', p_table, p_day_column) INTO v_before USING p_day AS day;
  EXECUTE IMMEDIATE FORMAT(
    'CREATE OR REPLACE TEMP TABLE sp_kept AS SELECT * FROM `%s` WHERE `%s` = @day QUALIFY ROW_NUMBER() OVER (PARTITION BY %s ORDER BY %s) = 1',
    p_table, p_day_column, p_keys, p_order) USING p_day AS day;
  SET v_after = (SELECT COUNT(*) FROM sp_kept);
  IF v_after < v_before THEN
    BEGIN TRANSACTION;
    EXECUTE IMMEDIATE FORMAT('DELETE FROM `%s` WHERE `%s` = @day', p_table, p_day_column) USING p_day AS day;
    EXECUTE IMMEDIATE FORMAT('INSERT INTO `%s` SELECT * FROM sp_kept', p_table);
    COMMIT TRANSACTION;
  END IF;
  SET p_removed = v_before - v_after;
END;
