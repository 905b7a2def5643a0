FROM a
RUN a \
  # c1
  && b \

# c2 \
  && c
