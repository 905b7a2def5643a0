FROM alpine AS 1st
FROM alpine AS a/b
