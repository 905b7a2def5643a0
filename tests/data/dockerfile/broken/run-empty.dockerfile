FROM alpine
RUN
RUN []
