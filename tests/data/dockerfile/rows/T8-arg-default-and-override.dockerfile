FROM a
ENV E=e
ARG A=1
ARG B=$A$E C=$B
ENV R="$A $B $C"
