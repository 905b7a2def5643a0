FROM alpine
ARG VERSION
ENV V="${VERSION:?give --build-arg VERSION=...}"
