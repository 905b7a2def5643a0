FROM a
COPY --chwon=1 a /a
RUN --mont=x y
