FROM alpine
COPY --chmod=999 a b
COPY --chmod=u=q a b
