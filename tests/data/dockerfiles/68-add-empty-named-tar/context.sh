: >empty.tar.gz
