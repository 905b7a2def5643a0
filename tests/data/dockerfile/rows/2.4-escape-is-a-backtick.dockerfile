# escape=`
FROM alpine AS `
  base
ENV dir=C:\x `
  y=`$z
RUN echo a\
COPY a ` 
  b\c
LABEL a="x`"y"
