FROM a one
FROM a as
FROM a AS 1x
FROM a AS one two
