FROM a AS x
ARG S=x
COPY --from=${S} /a /b
