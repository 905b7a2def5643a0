FROM scratch
COPY . /c/
