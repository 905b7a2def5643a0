FROM scratch
RUN --mount=type=secret,id=a,ro=false --mount=type=ssh,rw --mount=type=secret,id=b,ro x
