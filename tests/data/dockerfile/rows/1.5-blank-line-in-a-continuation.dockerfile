FROM a
RUN a \


  b


LABEL x=1
