FROM alpine
USER --x a
ENV --y A=1
