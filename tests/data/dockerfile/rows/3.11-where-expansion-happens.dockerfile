ARG B=a
FROM $B
ARG X=x N=1 U=user S=9
ARG D=d$X
ADD $X /$X/
COPY --chown=$N:$N --chmod=0${N}55 $X $X /to-$X/
ENV K$X=$X
LABEL l$X=$X
EXPOSE $N$N/udp
USER $U
VOLUME /v$X
WORKDIR /w$X
STOPSIGNAL $S
