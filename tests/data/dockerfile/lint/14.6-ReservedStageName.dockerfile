FROM a AS scratch
FROM a AS context
FROM a AS contexts
