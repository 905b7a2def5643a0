FROM scratch
RUN ["/x"]
