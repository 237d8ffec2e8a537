-- Text, bytes and patterns. Source: BigQuery, string functions, hash functions, operators; RE2 syntax.

-- # 001 text: SPLIT of an empty text is one empty item
-- = [[[""], ["a", "", "b"], ["a"], ["a", "b"]]]
SELECT SPLIT('', ','), SPLIT('a,,b'), SPLIT('a', '-'), SPLIT('ab', '')

-- # 002 text: a pattern with two groups is an error
-- = ERROR
SELECT REGEXP_EXTRACT('ab', '(a)(b)')

-- # 003 text: INSTR counts from both ends
-- = [[2, 4, 0, 4, 4, 4, 0, 5, 6]]
SELECT INSTR('banana', 'an'), INSTR('banana', 'an', 1, 2), INSTR('banana', 'an', 1, 3), INSTR('banana', 'an', 3, 1), INSTR('banana', 'an', -1, 1), INSTR('banana', 'an', -3, 1), INSTR('banana', 'ann'), INSTR('helloooo', 'oo', 1, 1), INSTR('helloooo', 'oo', 1, 2)

-- # 004 text: INSTR from position 0 is an error
-- = ERROR
SELECT INSTR('banana', 'an', 0, 1)

-- # 005 text: INITCAP at its own delimiters and at given ones
-- = [["Hello World-Everyone!", "The-Dog bites", "A b|C", null]]
SELECT INITCAP('hello WORLD-everyone!'), INITCAP('the-dog BITES', '-'), INITCAP('a b|c', '|'), INITCAP(CAST(NULL AS STRING))

-- # 006 text: TRANSLATE leaves out what has no partner
-- = [["Thiz iz a cuukie", "appe", "ab"]]
SELECT TRANSLATE('This is a cookie', 'so', 'zu'), TRANSLATE('apple', 'l', ''), TRANSLATE('ab', '', 'x')

-- # 007 text: TRANSLATE of one letter twice is an error
-- = ERROR
SELECT TRANSLATE('ABC', 'AA', 'xy')

-- # 008 text: SOUNDEX
-- = [["A261", "R163", "R163", ""]]
SELECT SOUNDEX('Ashcraft'), SOUNDEX('Robert'), SOUNDEX('Rupert'), SOUNDEX('')

-- # 009 text: EDIT_DISTANCE and its upper bound
-- = [[1, 2, 2, 0]]
SELECT EDIT_DISTANCE('a', 'b'), EDIT_DISTANCE('aa', 'b'), EDIT_DISTANCE('abcdefg', 'a', max_distance => 2), EDIT_DISTANCE('', '')

-- # 010 text: NORMALIZE makes one form of two spellings
-- = [[false, true, true, "fi"]]
SELECT '\u00ea' = '\u0065\u0302', NORMALIZE('\u00ea') = NORMALIZE('\u0065\u0302'), NORMALIZE_AND_CASEFOLD('The RED barn') = NORMALIZE_AND_CASEFOLD('the red BARN'), NORMALIZE('\ufb01', NFKC)

-- # 011 text: upper and lower case of letters beyond ASCII
-- = [["STRASSE", "ÉA", "éa", "foo"]]
SELECT UPPER('straße'), UPPER('éa'), LOWER('ÉA'), LOWER('FOO')

-- # 012 text: a letter and its accent are two characters
-- = [[2, 1, 3, 4, "\u0301e"]]
SELECT LENGTH('e\u0301'), CHAR_LENGTH('\U0001D11E'), BYTE_LENGTH('e\u0301'), OCTET_LENGTH('\U0001D11E'), REVERSE('e\u0301')

-- # 013 text: LPAD and RPAD cut what is too long
-- = [["  abc", "ab", "defdabc", "abcdefde", ""]]
SELECT LPAD('abc', 5), LPAD('abc', 2), LPAD('abc', 7, 'def'), RPAD('abc', 8, 'def'), RPAD('abc', 0)

-- # 014 text: LPAD below 0 is an error
-- = ERROR
SELECT LPAD('abc', -1)

-- # 015 text: SUBSTR before the first letter and behind the last
-- = [["apple", "ple", "le", "", "ap", "pple", ""]]
SELECT SUBSTR('apple', -30), SUBSTR('apple', 3), SUBSTR('apple', -2, 3), SUBSTR('apple', 123), SUBSTR('apple', 0, 2), SUBSTR('apple', 2, 4), SUBSTR('apple', 1, 0)

-- # 016 text: SUBSTR of a length below 0 is an error
-- = ERROR
SELECT SUBSTR('apple', 1, -1)

-- # 017 text: SAFE gives NULL for the function's own error only
-- = [[null, null, null]]
SELECT SAFE.SUBSTR('apple', 1, -1), SAFE.LEFT('a', -1), SAFE.CHR(-1)

-- # 018 text: an error in an argument of a SAFE function is an error
-- = ERROR
SELECT SAFE.SUBSTR('apple', 1, DIV(1, id - id)) FROM org_acme.people

-- # 019 text: TRIM of white space and of a set of letters
-- = [["apple", "apple***", "ABC", "x"]]
SELECT TRIM('\t   apple \n'), LTRIM('***apple***', '*'), TRIM('xyzABCzyx', 'xyz'), RTRIM('x\u2003')

-- # 020 text: REPLACE of an empty text changes nothing
-- = [["abc", "abc", null, "cherry pie"]]
SELECT REPLACE('abc', '', 'x'), REPLACE('abc', 'z', 'x'), REPLACE('abc', 'a', NULL), REPLACE('cherry cobbler', 'cobbler', 'pie')

-- # 021 text: code points to text and back
-- = [[[98, 97, 114], [255], "AÿȁЀ", "abc", null]]
SELECT TO_CODE_POINTS('bar'), TO_CODE_POINTS(b'\xff'), CODE_POINTS_TO_STRING([65, 255, 513, 1024]), CAST(CODE_POINTS_TO_BYTES([97, 98, 99]) AS STRING), CODE_POINTS_TO_STRING([65, NULL])

-- # 022 text: ASCII, UNICODE and CHR of nothing and of the euro sign
-- = [[97, 0, 226, 0, "€", ""]]
SELECT ASCII('abcd'), ASCII(''), UNICODE('âbcd'), UNICODE(''), CHR(8364), CHR(0)

-- # 023 text: BYTES that are no UTF-8 get the replacement character
-- = [["\ufffd", "abc"]]
SELECT SAFE_CONVERT_BYTES_TO_STRING(b'\xc2'), SAFE_CONVERT_BYTES_TO_STRING(b'abc')

-- # 024 text: base 32, base 64 and hexadecimal
-- = [["MFRGGZDF74======", "YWJjZGX/", "3q2+7w==", "3q2+7w==", "00010203aaeeefff", "Cq8="]]
SELECT TO_BASE32(b'abcde\xff'), FROM_BASE32('MFRGGZDF74======'), TO_BASE64(b'\xde\xad\xbe\xef'), FROM_BASE64('3q2+7w=='), TO_HEX(b'\x00\x01\x02\x03\xaa\xee\xef\xff'), FROM_HEX('0aaf')

-- # 025 text: FARM_FINGERPRINT of rows
-- = [[-1541654101129638711], [2794438866806483259], [-4880158226897771312]]
SELECT FARM_FINGERPRINT(CONCAT(CAST(x AS STRING), y, CAST(z AS STRING))) FROM UNNEST([STRUCT(1 AS o, 1 AS x, 'foo' AS y, true AS z), (2, 2, 'apple', false), (3, 3, '', true)]) ORDER BY o

-- # 026 text: hashes are BYTES
-- = [["sQqNsWTgdUEFt6mb5y4/5Q==", "Ck1VqNd45QIvq3AZd8XYQLvEhtA="]]
SELECT MD5('Hello World'), SHA1('Hello World')

-- # 027 text: bytes are cut, joined and found byte by byte
-- = [["YmM=", 2, 2, "ww==", "qcM=", "YWL/", true, false]]
SELECT SUBSTR(b'abc', 2), LENGTH(b'\xff\x00'), STRPOS(b'abc', b'b'), LEFT(CAST('é' AS BYTES), 1), REVERSE(CAST('é' AS BYTES)), CONCAT(b'ab', b'\xff'), STARTS_WITH(b'\xc3\xa9', b'\xc3'), ENDS_WITH(b'\x00', b'0')

-- # 028 text: text and bytes do not go together
-- = ERROR
SELECT STARTS_WITH('abc', b'a')

-- # 029 text: LIKE is of one case, _ is one character
-- = [[false, true, true, false, true, null]]
SELECT 'a' LIKE 'A', 'aé𝄞' LIKE 'a__', 'a_c' LIKE r'a\_c', 'abc' LIKE r'a\_c', '' LIKE '%', 'a' LIKE NULL

-- # 030 text: LIKE ANY and LIKE ALL
-- = [[true, false, true, true]]
SELECT 'Intend with clarity.' LIKE ANY ('%clarity%', '%convert%'), 'abc' LIKE ALL ('a%', 'b%'), 'abc' LIKE ALL ('a%', '%c'), NOT ('abc' LIKE ANY ('x%', 'y%'))

-- # 031 text: the pattern of a LIKE does not end with a backslash
-- = ERROR
SELECT 'a' LIKE 'a\\'

-- # 032 text: REGEXP_EXTRACT without a group, with one, from a position, of a number
-- = [["foo", "com", "Hello", "Helloo", "Hellooo", null, null]]
SELECT REGEXP_EXTRACT('foo@example.com', r'^[a-zA-Z0-9_.+-]+'), REGEXP_EXTRACT('foo@example.com', r'@[a-zA-Z0-9-]+\.([a-zA-Z0-9-.]+$)'), REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 1, 1), REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 1, 2), REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 1, 3), REGEXP_EXTRACT('Hello Helloo and Hellooo', 'H?ello+', 1, 4), REGEXP_EXTRACT('Hello', 'H?ello+', 20)

-- # 033 text: REGEXP_EXTRACT at position 0 is an error
-- = ERROR
SELECT REGEXP_EXTRACT('Hello', 'H?ello+', 0)

-- # 034 text: a group that takes no part is NULL on BigQuery
-- = [[null]]
-- ! refused
SELECT REGEXP_EXTRACT('ab', '(z)?b')

-- # 035 text: every find, also the empty ones
-- = [[["func(x)", "func(y)"], ["", "b", ""], [], ["", "", ""]]]
SELECT REGEXP_EXTRACT_ALL('Try `func(x)` or `func(y)`', '`(.+?)`'), REGEXP_EXTRACT_ALL('abc', 'b*'), REGEXP_EXTRACT_ALL('abc', 'z'), REGEXP_EXTRACT_ALL('abc', '')

-- # 036 text: RE2 has no look-ahead
-- = ERROR
SELECT REGEXP_CONTAINS('abc', 'a(?=b)')

-- # 037 text: REGEXP_REPLACE with groups, with a bare backslash digit, of an empty find
-- = [["<h1>Heading</h1>", "[b]", "XaXcX", "a$0c"]]
SELECT REGEXP_REPLACE('# Heading', r'^# ([a-zA-Z0-9\s]+$)', '<h1>\\1</h1>'), REGEXP_REPLACE('b', 'b', r'[\0]'), REGEXP_REPLACE('abc', 'b*', 'X'), REGEXP_REPLACE('abc', 'b', '$0')

-- # 038 text: REGEXP_REPLACE with a group that is not there is an error
-- = ERROR
SELECT REGEXP_REPLACE('abc', '(b)', r'\2')

-- # 039 text: REGEXP_CONTAINS, case and lines
-- = [[true, false, false, true, true]]
SELECT REGEXP_CONTAINS('abc', '(?i)B'), REGEXP_CONTAINS('abc', 'B'), REGEXP_CONTAINS('a\nb', 'a.b'), REGEXP_CONTAINS('a\nb', '(?s)a.b'), REGEXP_CONTAINS('é', '^.$')

-- # 040 text: REGEXP_INSTR begins and ends
-- = [[3, 6, 0, 9, null]]
SELECT REGEXP_INSTR('ab@cd-ef', '@[^-]*'), REGEXP_INSTR('ab@cd-ef', '@[^-]*', 1, 1, 1), REGEXP_INSTR('abcdef', '@[^-]*'), REGEXP_INSTR('a@cd-ef b@cd-ef', 'b@[^-]*', 2), REGEXP_INSTR(NULL, 'a')

-- # 041 text: CONTAINS_SUBSTR does not mind the case
-- = [[true, false, true]]
SELECT CONTAINS_SUBSTR('the blue house', 'Blue house'), CONTAINS_SUBSTR('the red house', 'blue'), CONTAINS_SUBSTR('\u2168 day', 'IX')

-- # 042 text: FORMAT of numbers, texts and signs
-- = [["00042|   7|7   |+5|ff|1.50|100%|ab", null]]
SELECT FORMAT('%05d|%4d|%-4d|%+d|%x|%.2f|100%%|%s', 42, 7, 7, 5, 255, 1.5, 'ab'), FORMAT('%s', CAST(NULL AS STRING))

-- # 043 text: FORMAT %t and %T of each type
-- = [["1 1.5 abc true 2025-01-02 [1, 2] NULL", "\"abc\" DATE \"2025-01-02\" [\"a\", \"b\"] (1, \"x\") NULL"]]
SELECT FORMAT('%t %t %t %t %t %t %t', 1, 1.5, 'abc', TRUE, DATE '2025-01-02', [1, 2], NULL), FORMAT('%T %T %T %T %T', 'abc', DATE '2025-01-02', ['a', 'b'], (1, 'x'), CAST(NULL AS STRING))

-- # 044 text: FORMAT %T of times and numbers
-- = [["TIMESTAMP \"2025-01-02 03:04:05+00\"", "DATETIME \"2025-01-02 03:04:05.600\"", "NUMERIC \"1.5\"", "1.0", "[1.0, 2.5]"]]
SELECT FORMAT('%T', TIMESTAMP '2025-01-02 03:04:05+00'), FORMAT('%T', DATETIME '2025-01-02 03:04:05.6'), FORMAT('%T', NUMERIC '1.5'), FORMAT('%t', 1.0), FORMAT('%T', [1.0, 2.5])

-- # 045 text: FORMAT with a value too few is an error
-- = ERROR
SELECT FORMAT('%d %d', 1)

-- # 046 text: FORMAT %d of a text is an error
-- = ERROR
SELECT FORMAT('%d', 'a')

-- # 047 text: CONCAT makes text of numbers and dates
-- = [["T.P. Bar", "Summer 1923", "2025-01-021.5true", null]]
SELECT CONCAT('T.P.', ' ', 'Bar'), CONCAT('Summer', ' ', 1923), CONCAT(DATE '2025-01-02', 1.5, TRUE), CONCAT('a', NULL)

-- # 048 text: texts are sorted and compared by their code points
-- = [["B"], ["a"], ["z"], ["é"]]
SELECT x FROM UNNEST(['é', 'z', 'a', 'B']) AS x ORDER BY x

-- # 049 text: COLLATE has other orders on BigQuery
-- = [[true]]
-- ! refused
SELECT COLLATE('A', 'und:ci') = 'a'
