FROM workdir
RUN x
