FROM a AS builder
FROM onbuild:copy
ENV OWN=1
RUN own
