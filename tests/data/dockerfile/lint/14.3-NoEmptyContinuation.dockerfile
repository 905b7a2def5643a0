FROM a
RUN x \

  && y \
  # a comment is no empty line
  && z
