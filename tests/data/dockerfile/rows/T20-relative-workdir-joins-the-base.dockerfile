FROM workdir
WORKDIR x
