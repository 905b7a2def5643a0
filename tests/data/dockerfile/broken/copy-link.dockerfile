FROM alpine
COPY --link --parents --exclude=x a b
