FROM a AS one
ARG X=one
COPY --from=$X a /a
