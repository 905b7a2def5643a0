FROM alpine AS a
FROM alpine
ARG x=a
COPY --from=$x a b
