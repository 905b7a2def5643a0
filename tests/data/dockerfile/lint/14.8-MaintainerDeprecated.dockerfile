FROM a
MAINTAINER somebody
LABEL org.opencontainers.image.authors="somebody"
