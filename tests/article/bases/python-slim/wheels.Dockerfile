# the wheels of an ASGI server and of what it needs, made from Debian's packages
FROM debian:bookworm-slim AS make
COPY apt /etc/apt
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-uvicorn python3-h11 python3-click python3-asgiref
COPY wheels.py /wheels.py
RUN python3 /wheels.py /wheels uvicorn h11 click asgiref
FROM scratch
COPY --from=make /wheels/ /
