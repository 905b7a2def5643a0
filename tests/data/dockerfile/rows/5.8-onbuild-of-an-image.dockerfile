FROM a AS builder
FROM onbuild:copy
RUN y
