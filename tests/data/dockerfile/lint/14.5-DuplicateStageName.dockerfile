FROM a AS one
FROM b AS two
FROM c AS ONE
