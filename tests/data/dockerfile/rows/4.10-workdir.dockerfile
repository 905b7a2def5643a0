FROM workdir
WORKDIR x
WORKDIR ../y/./z//
WORKDIR /
WORKDIR /a b/
