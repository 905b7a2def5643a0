# escape=`
FROM a
RUN dir c:\ `
  && x
ENV A=`$B C=\d
