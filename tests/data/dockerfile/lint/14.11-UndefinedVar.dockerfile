FROM a
ARG DECLARED
ARG SOURCE=x
COPY s$SUORCE s${DECLARED} /x$BASE/
ENV A=${B:-c} B=$C D=${SOURCE} PATH=$PATH:/x
LABEL x=\$Y y='$Z' z="$Z"
EXPOSE 80$PORT
USER u$NAME
WORKDIR /w/${N}
RUN echo $NOT_OURS
FROM missing
COPY $MAYBE /x
FROM a
ADD s${X#y} s${X/a/b} /x/
ENV x=$1 y=$@
ARG z=$later later=1
