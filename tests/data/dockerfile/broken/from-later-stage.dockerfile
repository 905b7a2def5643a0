FROM missing-builder AS a
FROM alpine AS missing-builder
FROM a
