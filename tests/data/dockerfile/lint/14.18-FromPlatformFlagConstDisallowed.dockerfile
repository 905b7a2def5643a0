FROM --platform=linux/amd64 a
FROM --platform=linux/amd64 a AS build-amd64
FROM --platform=linux/amd64 a AS linux-build
FROM --platform=linux/amd64 a AS other
FROM --platform=$BUILDPLATFORM a
