-- JSON, further. Source: BigQuery, JSON functions, JSON paths, field access operator.

-- # 001 json: a field and an item of a literal
-- = [["1", null, "2"]]
SELECT JSON '{"a":[1,2]}'.a[0], JSON '{"a":[1,2]}'.b, JSON '{"a":2}'['a']

-- # 002 json: a path begins with $
-- = ERROR
SELECT JSON_VALUE('{"a":1}', 'a')

-- # 003 json: a NUMERIC with a fraction is a text in TO_JSON_STRING
-- = [["\"1.5\"", "1", "1", "\"9007199254740993\""]]
SELECT TO_JSON_STRING(NUMERIC '1.5'), TO_JSON_STRING(NUMERIC '1'), TO_JSON_STRING(1.0), TO_JSON_STRING(9007199254740993)

-- # 004 json: an absent field is NULL, a null of JSON is not
-- = [[false, true, false]]
SELECT JSON 'null' IS NULL, JSON '{}'.x IS NULL, JSON '{"x":null}'.x IS NULL
