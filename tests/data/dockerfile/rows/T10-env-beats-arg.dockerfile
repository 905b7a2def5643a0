FROM a
ARG A=arg
ENV A=env
RUN x
ENV B=env
ARG B=arg
RUN y
