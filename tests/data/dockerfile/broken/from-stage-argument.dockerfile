FROM alpine AS a
ARG TAG=missing
FROM missing:${TAG}
