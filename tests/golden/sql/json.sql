-- JSON. Source: BigQuery, JSON functions, working with JSON data.

-- # 001 json: fields, subscripts and what is not there
-- = [[1, "35", "\"x\"", "London"], [2, "39", null, null], [3, null, null, null], [4, null, null, null]]
SELECT id, extra.age, extra.tags[0], STRING(extra.home.city) FROM org_acme.people ORDER BY id

-- # 002 json: the case of a field counts
-- = [[7, null]]
SELECT INT64(j.Name), j.name FROM (SELECT JSON '{"Name": 7}' AS j)

-- # 003 json: subscripts by name and by number
-- = [["1", "\"b\"", null]]
SELECT j['a'], j['list'][1], j['list']['x'] FROM (SELECT JSON '{"a": 1, "list": ["a", "b"]}' AS j)

-- # 004 json: typed getters
-- = [[2005, 10, 9.8, true, "purple", null]]
SELECT INT64(JSON '2005'), INT64(JSON '10.0'), FLOAT64(JSON '9.8'), BOOL(JSON 'true'), STRING(JSON '"purple"'), INT64(CAST(NULL AS JSON))

-- # 005 json: a number with a fraction is no INT64
-- = ERROR
SELECT INT64(JSON '10.1')

-- # 006 json: a JSON null is no STRING
-- = ERROR
SELECT STRING(JSON 'null')

-- # 007 json: SAFE getters
-- = [[null, null, null]]
SELECT SAFE.INT64(JSON '"strawberry"'), SAFE.BOOL(JSON '123'), SAFE.STRING(JSON '123')

-- # 008 json: LAX_INT64
-- = [[10, 10, 1, 1, 0, 100, null, null, 2]]
SELECT LAX_INT64(JSON '10'), LAX_INT64(JSON '"10"'), LAX_INT64(JSON '1.1'), LAX_INT64(JSON 'true'), LAX_INT64(JSON 'false'), LAX_INT64(JSON '"1e2"'), LAX_INT64(JSON '"foo"'), LAX_INT64(JSON '1e100'), LAX_INT64(JSON '1.5')

-- # 009 json: LAX_BOOL, LAX_FLOAT64, LAX_STRING
-- = [[true, false, true, null, 9.8, null, "purple", "true", "10", null]]
SELECT LAX_BOOL(JSON '10'), LAX_BOOL(JSON '0'), LAX_BOOL(JSON '"TRUE"'), LAX_BOOL(JSON '"foo"'), LAX_FLOAT64(JSON '"9.8"'), LAX_FLOAT64(JSON 'true'), LAX_STRING(JSON '"purple"'), LAX_STRING(JSON 'true'), LAX_STRING(JSON '10'), LAX_STRING(JSON '{"a": 1}')

-- # 010 json: JSON_TYPE
-- = [["object", "array", "string", "number", "boolean", "null", null]]
SELECT JSON_TYPE(JSON '{}'), JSON_TYPE(JSON '[]'), JSON_TYPE(JSON '"a"'), JSON_TYPE(JSON '1.5'), JSON_TYPE(JSON 'false'), JSON_TYPE(JSON 'null'), JSON_TYPE(CAST(NULL AS JSON))

-- # 011 json: JSON_OBJECT and JSON_ARRAY
-- = [["{}", "{\"bar\":[\"a\",\"b\"],\"foo\":10}", "{\"a\":null}", "[10,\"foo\",null]", "[]", "{\"a\":10}"]]
SELECT JSON_OBJECT(), JSON_OBJECT('foo', 10, 'bar', ['a', 'b']), JSON_OBJECT('a', NULL), JSON_ARRAY(10, 'foo', NULL), JSON_ARRAY(), JSON_OBJECT('a', 10, 'a', 'foo')

-- # 012 json: JSON_SET makes what is missing and leaves what does not fit
-- = [["{\"a\":1}", "{\"a\":{\"b\":2}}", "{\"a\":1}", "[\"a\",null,null,\"b\"]", "{\"a\":1,\"b\":2}"]]
SELECT JSON_SET(JSON '"x"', '$', JSON '{"a":1}'), JSON_SET(JSON '{"a":null}', '$.a.b', 2), JSON_SET(JSON '{"a":1}', '$.a.b', 2), JSON_SET(JSON '["a"]', '$[3]', 'b'), JSON_SET(JSON '{}', '$.a', 1, '$.b', 2)

-- # 013 json: JSON_REMOVE one after the other
-- = [["[\"a\",\"d\"]", "[\"a\"]", "{\"a\":1}", "[1]"]]
SELECT JSON_REMOVE(JSON '["a", ["b", "c"], "d"]', '$[1]'), JSON_REMOVE(JSON '["a", ["b", "c"], "d"]', '$[1]', '$[1]'), JSON_REMOVE(JSON '{"a":1,"b":2}', '$.b'), JSON_REMOVE(JSON '[1]', '$[7]')

-- # 014 json: JSON_STRIP_NULLS out of objects and arrays
-- = [["{\"b\":[1],\"c\":{}}"]]
SELECT JSON_STRIP_NULLS(JSON '{"a":null,"b":[1,null],"c":{"d":null}}')

-- # 015 json: JSON_ARRAY_APPEND and JSON_ARRAY_INSERT
-- = [["[\"a\",\"b\",\"c\",1]", "[\"a\",1,[\"b\",\"c\"],\"d\"]", "{\"a\":[1,2]}"]]
SELECT JSON_ARRAY_APPEND(JSON '["a","b","c"]', '$', 1), JSON_ARRAY_INSERT(JSON '["a",["b","c"],"d"]', '$[1]', 1), JSON_ARRAY_APPEND(JSON '{"a":[1]}', '$.a', 2)

-- # 016 json: JSON_KEYS with the way to each
-- = [[["a", "b", "b.c"], ["a", "b"]]]
SELECT JSON_KEYS(JSON '{"b":{"c":1},"a":1}'), JSON_KEYS(JSON '{"b":{"c":1},"a":1}', 1)

-- # 017 json: JSON_VALUE of text that is no JSON, of objects, of null
-- = [[null, null, null, "true", "1.50", "x"]]
SELECT JSON_VALUE('{"a":', '$.a'), JSON_VALUE('{"a":{"b":1}}', '$.a'), JSON_VALUE('{"a":null}', '$.a'), JSON_VALUE('{"a":true}', '$.a'), JSON_VALUE('{"a":1.50}', '$.a'), JSON_VALUE('"x"')

-- # 018 json: a text's null is NULL, a JSON's null is a JSON null
-- = [[null, "null", "{\"b\":1,\"a\":[1,2]}"]]
SELECT JSON_QUERY('null', '$'), JSON_QUERY(JSON 'null', '$'), JSON_QUERY('{"b": 1, "a": [1, 2]}', '$')

-- # 019 json: names with a dot in them
-- = [["world", "world"]]
SELECT JSON_EXTRACT_SCALAR('{"a.b": {"c": "world"}}', "$['a.b'].c"), JSON_VALUE('{"a.b": {"c": "world"}}', '$."a.b".c')

-- # 020 json: arrays out of JSON
-- = [[["\"apples\"", "\"oranges\""], ["apples", "1"], null, null]]
SELECT JSON_QUERY_ARRAY('["apples","oranges"]'), JSON_VALUE_ARRAY('["apples",1]'), JSON_VALUE_ARRAY('[{"a":1}]'), JSON_QUERY_ARRAY('{"a":1}')

-- # 021 json: a null among the items of a result is an error
-- = ERROR
SELECT JSON_VALUE_ARRAY('["a", null]')

-- # 022 json: PARSE_JSON has one order of keys and keeps the first of two
-- = [["{\"a\":2,\"b\":1}", "{\"id\":9.223372036854776e+20}", null]]
SELECT PARSE_JSON('{"b": 1, "a": 2, "a": 3}'), PARSE_JSON('{"id":922337203685477580701}', wide_number_mode=>'round'), SAFE.PARSE_JSON('{x')

-- # 023 json: a number that would be rounded is an error
-- = ERROR
SELECT PARSE_JSON('{"id":922337203685477580701}')

-- # 024 json: TO_JSON_STRING of each type
-- = [["{\"i\":9007199254740992,\"w\":\"9007199254740993\",\"f\":1.5,\"n\":\"123.56\",\"m\":7,\"b\":\"YWJj\",\"d\":\"2017-03-06\",\"t\":\"2017-03-06T12:34:56.789Z\",\"z\":null,\"l\":[1,2]}"]]
SELECT TO_JSON_STRING(STRUCT(9007199254740992 AS i, 9007199254740993 AS w, 1.5 AS f, NUMERIC '123.56' AS n, NUMERIC '7' AS m, b'abc' AS b, DATE '2017-03-06' AS d, TIMESTAMP '2017-03-06 12:34:56.789' AS t, CAST(NULL AS STRING) AS z, [1, 2] AS l))

-- # 025 json: TO_JSON_STRING of a row
-- = [["{\"id\":1,\"coordinates\":[10,20]}"], ["{\"id\":2,\"coordinates\":[30,40]}"]]
WITH c AS (SELECT 1 AS id, [10, 20] AS coordinates UNION ALL SELECT 2, [30, 40]) SELECT TO_JSON_STRING(t) FROM c AS t ORDER BY t.id

-- # 026 json: TO_JSON sorts its keys
-- = [["{\"coordinates\":[10,20],\"id\":1}", "9007199254740993"]]
SELECT TO_JSON(STRUCT(1 AS id, [10, 20] AS coordinates)), TO_JSON(9007199254740993)

-- # 027 json: a JSON value is compared with nothing
-- = ERROR
SELECT JSON '1' = JSON '1'

-- # 028 json: rows are not grouped by a JSON value
-- = ERROR
SELECT extra, COUNT(*) FROM org_acme.people GROUP BY extra

-- # 029 json: rows are not sorted by a JSON value
-- = ERROR
SELECT id FROM org_acme.people ORDER BY extra

-- # 030 json: a path with a variable part is not known beforehand
-- ! refused
SELECT JSON_VALUE(extra, CONCAT('$.', name)) FROM org_acme.people
