# syntax=example/front:2
FROM a
