FROM a
ENV A=${
ENV B=${}
ENV C=${A:
LABEL e=${{
EXPOSE ${P:=80}
WORKDIR "x
USER 'u
