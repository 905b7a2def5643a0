ARG EMPTY
FROM alpine AS one
RUN --mount=target=/x,from=later true
RUN --mount=target=/x,from=5 true
RUN --mount=target=/x,from=two true
ONBUILD RUN --mount=type=cache,target=/x,from=onee true
FROM alpine AS two
ARG EMPTY
ARG TYPE=bnid
RUN --mount=target=/ true
WORKDIR /w
RUN --mount=target=.. true
RUN --mount=target=/a --mount=type=tmpfs,target=/b/../a true
RUN --mount=target=$EMPTY true
RUN --mount=type=$TYPE,target=/x true
RUN --mount=type=secret,id=a/.. true
RUN --mount=target=/x,from=scratch true
RUN --network=host true
RUN --security=insecure true
RUN --device=vendor.com/gpu=all,required true
RUN --mount=target=/x,source=${BROKEN true
FROM two AS later
