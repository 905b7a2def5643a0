FROM alpine
COPY --form=builder a b
COPY --zzz a b
