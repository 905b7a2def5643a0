FROM a AS Build
FROM a AS test-1
FROM a
