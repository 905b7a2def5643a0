FROM alpine
QQQQQQ x
