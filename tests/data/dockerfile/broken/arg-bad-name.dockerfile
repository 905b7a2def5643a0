FROM alpine
ARG "a b"=1
ARG =x
ARG
