FROM alpine
COPY --from=0 a b
COPY --from=7 a b
