-- Text, bytes and patterns. Source: BigQuery, string functions.

-- # 001 text: SPLIT of an empty text is one empty item
-- = [[[""], ["a", "", "b"], ["a"]]]
SELECT SPLIT('', ','), SPLIT('a,,b'), SPLIT('a', '-')

-- # 002 text: a pattern with two groups is an error
-- = ERROR
SELECT REGEXP_EXTRACT('ab', '(a)(b)')
