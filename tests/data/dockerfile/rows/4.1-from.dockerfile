FROM a AS One
FROM --platform=linux/amd64 b
FROM one AS a.b-c_d
