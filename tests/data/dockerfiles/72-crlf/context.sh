printf 'FROM busybox:musl\r\nRUN echo one && \\\r\n  echo two >/x\r\nENV A=b\r\nCMD ["x"]\r\n' >Dockerfile
