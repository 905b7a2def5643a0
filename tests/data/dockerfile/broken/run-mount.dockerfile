FROM alpine
RUN --mount=type=cache,target=/root/.cache make
RUN --network=none make
RUN --security=insecure x
RUN --device=x y
