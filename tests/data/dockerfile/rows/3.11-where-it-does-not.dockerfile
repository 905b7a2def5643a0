FROM a AS one
ARG X=x
RUN echo $X ${X}
CMD echo $X
ENTRYPOINT ["$X"]
SHELL ["$X", "-c"]
HEALTHCHECK CMD $X
MAINTAINER $X
ONBUILD RUN echo $X
COPY --exclude=$X a /a
