FROM a
ENV a=1
ENV a=2 b=$a c=${a}x
